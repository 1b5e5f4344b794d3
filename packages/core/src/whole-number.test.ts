import { describe, expect, it } from "vitest";
import { parseWholeNumber } from "./whole-number.ts";

describe("whole number", () => {
  it.each([
    ["0", 0],
    ["1", 1],
    ["007", 7],
    ["000000000010", 10],
    ["100", 100],
  ])("%j from 0 to 100 is read", (text, number) => {
    expect(parseWholeNumber(text, 0, 100)).toBe(number);
  });

  it.each(["", " 1", "1 ", "+1", "-1", "1.0", "1e1", "0x1", "1,000", "٣", "one", "1\n"])("%j is not read", (text) => {
    expect(parseWholeNumber(text, 0, 100)).toBeNull();
  });

  it.each(["0", "11", "9".repeat(400)])("%s is outside of the range from 1 to 10", (text) => {
    expect(parseWholeNumber(text, 1, 10)).toBeNull();
  });
});
