import { OperationError, type SetupProblem } from "@cpa-payouts/core";
import { recordingLog } from "@cpa-payouts/testing";
import { describe, expect, it } from "vitest";
import type { Config } from "./env.ts";
import { acceptSetup } from "./setup.ts";

const eviction: SetupProblem = { check: "redis-eviction", isCertain: true, line: "it evicts" };
const persistence: SetupProblem = { check: "redis-persistence", isCertain: true, line: "it forgets" };
const replica: SetupProblem = { check: "redis-primary", isCertain: true, line: "it is a replica" };
const readOnly: SetupProblem = { check: "database-writable", isCertain: true, line: "it is read-only" };
const role: SetupProblem = { check: "database-role", isCertain: true, line: "it hangs" };
const silent: SetupProblem = { check: "redis-persistence", isCertain: false, line: "it does not say" };

type Settings = Pick<Config, "isProduction" | "allowUnsafe">;

const production: Settings = { isProduction: true, allowUnsafe: [] };
const development: Settings = { isProduction: false, allowUnsafe: [] };

/** What is refused, and what is logged. */
function accept(problems: readonly SetupProblem[], settings: Settings) {
  const log = recordingLog();
  try {
    acceptSetup(problems, settings, log);
    return { refused: [], tolerated: log.of("setup.tolerated") };
  } catch (cause) {
    if (!(cause instanceof OperationError)) throw cause;
    return { refused: cause.problems, tolerated: log.of("setup.tolerated") };
  }
}

describe("servers with problems", () => {
  it("are refused in production, with a line for each", () => {
    expect(accept([eviction, persistence, readOnly], production)).toEqual({
      refused: ["it evicts", "it forgets", "it is read-only"],
      tolerated: [],
    });
  });

  it("are tolerated in development, with a warning for each", () => {
    const because = "NODE_ENV is not production";
    expect(accept([eviction, persistence], development)).toEqual({
      refused: [],
      tolerated: [
        { check: "redis-eviction", problem: "it evicts", because },
        { check: "redis-persistence", problem: "it forgets", because },
      ],
    });
  });

  it("are tolerated in production as far as ALLOW_UNSAFE goes", () => {
    expect(accept([eviction, persistence], { isProduction: true, allowUnsafe: ["redis-eviction"] })).toEqual({
      refused: ["it forgets"],
      tolerated: [{ check: "redis-eviction", problem: "it evicts", because: "ALLOW_UNSAFE names it" }],
    });
  });

  it("are refused everywhere where money could not be decided", () => {
    const all: Settings = { isProduction: false, allowUnsafe: ["redis-eviction", "redis-persistence"] };
    expect(accept([replica, readOnly], all)).toEqual({
      refused: ["it is a replica", "it is read-only"],
      tolerated: [],
    });
  });

  it("that only make the work slower are tolerated everywhere", () => {
    expect(accept([role], production)).toEqual({
      refused: [],
      tolerated: [{ check: "database-role", problem: "it hangs", because: "no money and no job depends on it" }],
    });
  });

  it("are given the benefit of the doubt, with a warning", () => {
    expect(accept([silent], production)).toEqual({
      refused: [],
      tolerated: [{ check: "redis-persistence", problem: "it does not say", because: "the server does not say" }],
    });
  });
});
