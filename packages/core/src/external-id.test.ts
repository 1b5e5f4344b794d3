import { describe, expect, it } from "vitest";
import { newExternalIdProblem } from "./external-id.ts";

describe("external ids", () => {
  it.each(["a", "AFF-1001", "a/b?c", "=1+1", "Zoé Média", "مثال", "👩", "x".repeat(200)])(
    "%j is an external id",
    (text) => {
      expect(newExternalIdProblem(text)).toBeNull();
    },
  );

  it.each([
    ["", "it is empty"],
    ["x".repeat(201), "it has 201 characters, at most 200 are allowed"],
    ["a\0", "it has a control character or a line break"],
    ["a\u001bb", "it has a control character or a line break"],
    ["a\u0085b", "it has a control character or a line break"],
    ["a\u2028b", "it has a control character or a line break"],
    ["a\ud800", "it has half of a surrogate pair"],
    ["\udc00a", "it has half of a surrogate pair"],
    ...Array.from("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", (mark) => [
      `user${mark}1`,
      "it has a character that changes the direction of text",
    ]),
    ...["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\ufe0f", "\u3164", "\u{e0041}"].map((invisible) => [
      `user${invisible}1`,
      "it has an invisible character",
    ]),
    [".", "an address cannot contain it"],
    ["..", "an address cannot contain it"],
  ])("%j is no external id, because %s", (text, problem) => {
    expect(newExternalIdProblem(text)).toBe(problem);
  });
});
