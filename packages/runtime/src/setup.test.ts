import { OperationError, type SetupProblem } from "@cpa-payouts/core";
import { recordingLog } from "@cpa-payouts/testing-servers";
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

/** The refused lines and the logged tolerations. */
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

describe("set-up checks", () => {
  it("unsafe settings are refused in production, with a line for each", () => {
    expect(accept([eviction, persistence, readOnly], production)).toEqual({
      refused: ["it evicts", "it forgets", "it is read-only"],
      tolerated: [],
    });
  });

  it("unsafe settings of Redis are tolerated in development, with a warning for each", () => {
    const because = "NODE_ENV is not production";
    expect(accept([eviction, persistence], development)).toEqual({
      refused: [],
      tolerated: [
        { check: "redis-eviction", problem: "it evicts", because },
        { check: "redis-persistence", problem: "it forgets", because },
      ],
    });
  });

  it("production tolerates only those unsafe settings that ALLOW_UNSAFE names", () => {
    expect(accept([eviction, persistence], { isProduction: true, allowUnsafe: ["redis-eviction"] })).toEqual({
      refused: ["it forgets"],
      tolerated: [{ check: "redis-eviction", problem: "it evicts", because: "ALLOW_UNSAFE names it" }],
    });
  });

  it("a replica or read-only server is refused everywhere, even with ALLOW_UNSAFE", () => {
    const all: Settings = { isProduction: false, allowUnsafe: ["redis-eviction", "redis-persistence"] };
    expect(accept([replica, readOnly], all)).toEqual({
      refused: ["it is a replica", "it is read-only"],
      tolerated: [],
    });
  });

  it("a problem that only makes the work slower is tolerated everywhere", () => {
    expect(accept([role], production)).toEqual({
      refused: [],
      tolerated: [{ check: "database-role", problem: "it hangs", because: "no money and no job depends on it" }],
    });
  });

  it("a setting that the server does not report is tolerated, with a warning", () => {
    expect(accept([silent], production)).toEqual({
      refused: [],
      tolerated: [{ check: "redis-persistence", problem: "it does not say", because: "the server does not say" }],
    });
  });
});
