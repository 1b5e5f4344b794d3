import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "./errors.ts";
import { abbreviate, formatCents, parseCents } from "./money.ts";

const LARGEST = 10n ** 17n - 1n;

describe("amount", () => {
  it("an amount written as text is read back to the cent", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: LARGEST }), (cents) => {
        expect(parseCents(formatCents(cents))).toBe(cents);
      }),
    );
  });

  it("an amount is written with two decimals and, below zero, a leading minus", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -LARGEST, max: LARGEST }), (cents) => {
        const text = formatCents(cents);
        expect(text).toMatch(/^-?(0|[1-9]\d*)\.\d\d$/);
        expect(BigInt(text.replace(".", ""))).toBe(cents);
      }),
    );
  });

  it.each([
    [0n, "0.00"],
    [5n, "0.05"],
    [-5n, "-0.05"],
    [-100n, "-1.00"],
    [12345n, "123.45"],
    [9_223_372_036_854_775_807n, "92233720368547758.07"],
    [-9_223_372_036_854_775_808n, "-92233720368547758.08"],
  ])("%s cents are written as %s", (cents, text) => {
    expect(formatCents(cents)).toBe(text);
  });

  it.each([
    ["0", 0n],
    ["100", 100_00n],
    ["0.5", 50n],
    ["0.05", 5n],
    ["1234.56", 1234_56n],
    ["007.10", 7_10n],
    ["9007199254740993.01".slice(1), 7_199_254_740_993_01n],
    ["999999999999999.99", LARGEST],
  ])("%s is accepted as an amount", (text, cents) => {
    expect(parseCents(text)).toBe(cents);
  });

  it("the largest accepted amount fits PostgreSQL's bigint", () => {
    expect(parseCents(`${"9".repeat(15)}.99`)).toBeLessThan(2n ** 63n);
  });

  it.each([
    ["", "it is empty (write 0 for nothing)"],
    ["-1", "it is negative"],
    ["-0.01", "it is negative"],
    ["1.234", "it has more than two decimals"],
    ["0.001", "it has more than two decimals"],
    ["1e5", "exponents are not allowed"],
    ["1.5E-3", "exponents are not allowed"],
    ["$100", "leave the currency out"],
    ["100 USD", "leave the currency out"],
    ["100€", "leave the currency out"],
    ["£5", "leave the currency out"],
    ["1,000", "leave the thousands separators out"],
    ["1,000,000.50", "leave the thousands separators out"],
    ["1,5", "write dollars with at most two decimals"],
    [".5", "write dollars with at most two decimals"],
    ["5.", "write dollars with at most two decimals"],
    ["+5", "write dollars with at most two decimals"],
    [" 5", "write dollars with at most two decimals"],
    ["5\n", "write dollars with at most two decimals"],
    ["0x10", "write dollars with at most two decimals"],
    ["1_000", "write dollars with at most two decimals"],
    ["NaN", "write dollars with at most two decimals"],
    ["١٢٣", "write dollars with at most two decimals"],
    ["1000000000000000", "more than 15 digits"],
  ])("%j is refused as an amount: %s", (text, reason) => {
    expect(() => parseCents(text)).toThrow(InputError);
    expect(() => parseCents(text)).toThrow(reason);
  });

  it("a long text with line breaks is refused in one short line", () => {
    const problem = (() => {
      try {
        return parseCents(`1${"\n0".repeat(500_000)}`).toString();
      } catch (cause) {
        return (cause as Error).message;
      }
    })();
    expect(problem).toMatch(/is not an amount/);
    expect(problem).not.toMatch(/\n/);
    expect(problem.length).toBeLessThan(200);
  });
});

describe("quoted text", () => {
  it("a text quoted in a message is put on one line and cut to its maximum length", () => {
    expect(abbreviate("a\r\nb\u2028c\td")).toBe("a b c d");
    expect(abbreviate("x".repeat(41))).toBe(`${"x".repeat(40)}…`);
    expect(abbreviate("x".repeat(40))).toBe("x".repeat(40));
  });
});
