import { describe, expect, it } from "vitest";
import { FaultUsageError, readFaultOptions, replayCommand, usersOf } from "./options.ts";

describe("options of the fault tests", () => {
  it("the printed command plays the same storms again", () => {
    const { options } = readFaultOptions(["--quick"]);
    const [, , , ...args] = replayCommand(options).split(" ");
    expect(readFaultOptions(args.slice(1)).options).toEqual(options);
  });

  it("--quick makes every size smaller, except those that are given", () => {
    const quick = readFaultOptions(["--quick", "--seed", "1", "--kills", "30"]).options;
    const whole = readFaultOptions(["--seed", "1", "--kills", "31"]).options;
    expect(quick.kills).toBe(30);
    for (const size of ["users", "kills", "stops", "rounds", "outages", "answers"] as const)
      expect(quick[size]).toBeLessThan(whole[size]);
  });

  it("words that are no options name test files", () => {
    expect(readFaultOptions(["kill-storm", "--quick"]).files).toEqual(["kill-storm"]);
  });

  it.each([
    [["--kill", "3"], /--kill/],
    [["--users", "many", "--kills", "0"], /--users: .*; --kills: write a whole number from 1 to 1000000/],
    [["--users", "1000001"], /--users/],
  ])("the options %j are refused, and every problem is named", (args, message) => {
    expect(() => readFaultOptions(args)).toThrow(FaultUsageError);
    expect(() => readFaultOptions(args)).toThrow(message);
  });

  it("the queue on PostgreSQL gets a sixth of the users", () => {
    expect([usersOf({ users: 6_000 }, "redis"), usersOf({ users: 6_000 }, "postgres")]).toEqual([6_000, 1_000]);
  });
});
