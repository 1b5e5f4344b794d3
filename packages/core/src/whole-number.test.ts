import { describe, expect, it } from "vitest";
import { parseWholeNumber } from "./whole-number.ts";

describe("whole number", () => {
  it.each([
    ["0", 0],
    ["1", 1],
    ["007", 7],
    ["000000000010", 10],
    ["100", 100],
  ])("%j is read as a whole number from 0 to 100", (text, number) => {
    expect(parseWholeNumber(text, 0, 100)).toBe(number);
  });

  it.each(["", " 1", "1 ", "+1", "-1", "1.0", "1e1", "0x1", "1,000", "٣", "one", "1\n"])(
    "%j is not read as a whole number",
    (text) => {
      expect(parseWholeNumber(text, 0, 100)).toBeNull();
    },
  );

  it.each([
    ["0", "0"],
    ["11", "11"],
    ["a number of 400 digits", "9".repeat(400)],
  ])("%s is not read as a whole number from 1 to 10", (_what, text) => {
    expect(parseWholeNumber(text, 1, 10)).toBeNull();
  });
});
