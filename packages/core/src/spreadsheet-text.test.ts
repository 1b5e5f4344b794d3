import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { escapeFormula } from "./spreadsheet-text.ts";

/** As docs/cli.md tells programs to do. */
const undo = (text: string) => text.replace(/(^|[;\t\r\n])'/g, "$1");

describe("text in a CSV file for spreadsheets", () => {
  it.each([
    ["=1+1", "'=1+1"],
    ["+4123456", "'+4123456"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["＝1+1", "'＝1+1"],
    ["＋1", "'＋1"],
    ["－1", "'－1"],
    ["＠SUM(A1)", "'＠SUM(A1)"],
    ["﹦1+1", "'﹦1+1"],
    ["﹢1", "'﹢1"],
    ["﹣1", "'﹣1"],
    ["﹫SUM(A1)", "'﹫SUM(A1)"],
    ["\u200b=1", "'\u200b=1"],
    ["\ufeff\u2060 =1", "'\ufeff\u2060 =1"],
    ["a;\u00ad=1", "a;'\u00ad=1"],
    ["\t=1", "'\t'=1"],
    ["\r=1", "'\r'=1"],
    [" =1", "' =1"],
    ['"=1', "'\"=1"],
    [",=1", "',=1"],
    [";=1", "';'=1"],
    ["Ann;=1+1", "Ann;'=1+1"],
    ["Ann\t-1", "Ann\t'-1"],
    ["Ann\n=1", "Ann\n'=1"],
    ["'quoted", "''quoted"],
  ])("the text %j is written as %j, which no spreadsheet computes", (text, written) => {
    expect(escapeFormula(text)).toBe(written);
  });

  it.each(["", "Ann", "a-b", "1=1", "O'Neil; twice", "ann+tag@example.com", "2026-12-07", "n/a"])(
    "the harmless text %j is written as it is",
    (text) => {
      expect(escapeFormula(text)).toBe(text);
    },
  );

  it("a program gets every text back by removing the apostrophes, and no beginning of a cell is a formula", () => {
    const piece = fc.constantFrom(
      "=",
      "+",
      "-",
      "@",
      "＝",
      "＠",
      "﹦",
      "\u200b",
      "'",
      '"',
      ";",
      ",",
      "|",
      "\t",
      "\r",
      "\n",
      " ",
      "a",
      "1",
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (sent) => {
        const written = escapeFormula(sent);
        expect(undo(written)).toBe(sent);
        for (const cell of written.split(/[;\t\r\n]/)) expect(cell).not.toMatch(/^[\s"\p{Cf}]*[=+\-@＝＋－＠﹦]/u);
      }),
    );
  });
});
