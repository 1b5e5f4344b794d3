import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { filesIn, root } from "./files-in.mjs";

const folders = ["packages", "apps", "tests", "scripts"];
const testFiles = folders.flatMap((folder) => filesIn(folder, /\.test\.ts$/));

/** The literal that follows `it(`, `test(` or, after `it.each` and the like, `)(`. Its second group is the title. */
const TITLE = /(?:(?<![.\w])(?:it|test)(?:\.\w+)*|\))\(\s*(["'`])((?:\\.|(?!\1).)+)\1/g;

const MAX_LENGTH = 150;
/** A title that begins with a verb continues a sentence that a list of failures does not show. */
const LEADING_VERB = /^(is|are|has|does|can|must|returns|refuses|throws)\b/;
const BANNED = /\b(whoever|nobody|told|mend|dear|be it|of ours)\b/i;

/** Why a title cannot stand alone in a list of failures; null when it can. */
function findTitleProblem(title: string): string | null {
  if (title.length > MAX_LENGTH) return `${title.length} characters, at most ${MAX_LENGTH} are allowed`;
  const verb = LEADING_VERB.exec(title)?.[0];
  if (verb) return `it begins with "${verb}", without its subject`;
  const banned = BANNED.exec(title)?.[0];
  return banned ? `"${banned}" has a plainer word` : null;
}

function badTitlesOf(file: string, text: string): string[] {
  return [...text.matchAll(TITLE)].flatMap(({ index, 2: title = "" }) => {
    const problem = findTitleProblem(title);
    return problem === null ? [] : [`${file}:${text.slice(0, index).split("\n").length}: ${problem}`];
  });
}

describe("titles of tests", () => {
  test("every title of a test is short, has a subject and uses plain words", () => {
    expect(testFiles).toContain(path.join("scripts", "titles.test.ts"));
    const bad = testFiles.flatMap((file) => badTitlesOf(file, readFileSync(path.join(root, file), "utf8")));
    expect(bad).toEqual([]);
  });

  test("a title of a test that breaks a rule is reported with file, line and rule", () => {
    // The calls are put together here, so that the test above does not find them in this file.
    const call = (before: string, title: string) => `${before}${"("}${title}, () => {});`;
    const text = [
      call("it", '"a user is paid, \\"once\\""'),
      call("it", '"is paid once"'),
      call("test.each(cases)", '"returns %s"'),
      call("it.each([\n  1,\n])", '\n  "a user whom nobody pays"'),
      call("it.skipIf(true)", `\`a \${1}${"x".repeat(150)}\``),
      call("pattern.test", '"is no title"'),
    ];
    expect(badTitlesOf("a.test.ts", text.join("\n"))).toEqual([
      'a.test.ts:2: it begins with "is", without its subject',
      'a.test.ts:3: it begins with "returns", without its subject',
      'a.test.ts:6: "nobody" has a plainer word',
      "a.test.ts:8: 156 characters, at most 150 are allowed",
    ]);
  });
});
