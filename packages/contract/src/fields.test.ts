import { describe, expect, it } from "vitest";
import { z } from "zod";
import { pageQuery, wholeNumber } from "./fields.ts";

describe("whole number in a path or a query string", () => {
  const number = wholeNumber(1, 500);

  it.each([
    ["1", 1],
    ["500", 500],
    ["007", 7],
    [20, 20],
  ])("%j is read as a whole number from 1 to 500", (value, expected) => {
    expect(number.parse(value)).toBe(expected);
  });

  it.each(["1e2", " 5 ", "0x10", "5.0", "+5", "", "0", "501", 0, 501, 1.5, ["5"], true, null])(
    "%j is not read as a whole number from 1 to 500",
    (value) => {
      const problems = number.safeParse(value).error?.issues.map(({ message }) => message);
      expect(problems).toEqual(["write a whole number from 1 to 500"]);
    },
  );

  it("the document describes a whole number as an integer with its range and default", () => {
    expect(z.toJSONSchema(pageQuery.limit, { io: "input" })).toMatchObject({
      type: "integer",
      minimum: 1,
      maximum: 500,
      default: 50,
    });
  });
});
