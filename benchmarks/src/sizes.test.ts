import { describe, expect, it } from "vitest";
import { readSizes, SizeError } from "./sizes.ts";

const sizes = { users: { usual: 200_000, most: 1_000_000 }, requests: { usual: 200, most: 10_000 } };

describe("the sizes of a benchmark", () => {
  it("are the usual ones, except those that are given", () => {
    expect(readSizes([], sizes)).toEqual({ users: 200_000, requests: 200 });
    expect(readSizes(["--requests", "7"], sizes)).toEqual({ users: 200_000, requests: 7 });
  });

  it.each([
    [["--users", "many", "--requests", "0"], /--users: .* 1000000; --requests: write a whole number from 1 to 10000/],
    [["--users", "1000001"], /--users/],
    [["--users", "1.5"], /--users/],
    [["--user", "3"], /--user/],
  ])("%j is refused, and every problem is named", (args, message) => {
    expect(() => readSizes(args, sizes)).toThrow(SizeError);
    expect(() => readSizes(args, sizes)).toThrow(message);
  });
});
