import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { filesIn, root } from "./files-in.mjs";

const folders = ["packages", "apps", "tests", "benchmarks", "scripts"];
const sources = folders.flatMap((folder) => filesIn(folder, /\.(ts|mjs)$/));

/** A link of a comment: its first group is the name, without members. A link to a URL has a colon there and is left out. */
const LINK = /\{@link(?:code|plain)?\s+(?:\*\s+)?([\w$]+)(?:[.#][\w$]+)*(?=[\s|}])/g;

/** Texts at the start of a line that bring names into scope. The lines of comments begin with `*` or a slash. */
const SINGLE =
  /^[ \t]*(?:(?:export|default|declare|abstract|async)\s+)*(?:function\s*\*?|const|let|class|interface|type|enum)\s+([\w$]+)/gm;
const MEMBER = /^[ \t]+(?:(?:readonly|static|async|get|set|override)\s+)*([\w$]+)\??\s*[:(<,]/gm;
const SEVERAL =
  /^[ \t]*(?:import\s+(?:type\s+)?([^;"']*?)\s+from\b|(?:export\s+)?(?:const|let)\s+([{[][^=;]*[}\]])\s*=)/gm;

/** The names that a file declares or imports. Of `a as b` and `a: b` it is the last one. */
function namesIn(text: string): Set<string> {
  const single = [...text.matchAll(SINGLE), ...text.matchAll(MEMBER)].map(([, name]) => name);
  const several = [...text.matchAll(SEVERAL)].flatMap(([, imported, destructured]) =>
    (imported ?? destructured ?? "").split(/[{}[\],]/).map((part) => /([\w$]+)\s*$/.exec(part)?.[1]),
  );
  return new Set([...single, ...several].filter((name) => name !== undefined));
}

function deadLinksOf(file: string, text: string): string[] {
  const names = namesIn(text);
  return [...text.matchAll(LINK)]
    .filter(([, name = ""]) => !names.has(name))
    .map(({ index, 1: name }) => `${file}:${text.slice(0, index).split("\n").length}: ${name}`);
}

describe("links in comments", () => {
  test("every {@link} in a comment leads to a name that its file declares or imports", () => {
    expect(sources).toContain(path.join("scripts", "links.test.ts"));
    const dead = sources.flatMap((file) => deadLinksOf(file, readFileSync(path.join(root, file), "utf8")));
    expect(dead).toEqual([]);
  });

  test("a {@link} to a name that is only mentioned is reported with file, line and name", () => {
    const link = (name: string) => `{@${"link"} ${name}}`;
    const text = [
      'import { type A, b as c } from "./a.ts";',
      "import D, {",
      "  type E,",
      '} from "./d.ts";',
      "export async function f(): void {}",
      "export const { g, h: i } = object;",
      "interface J {",
      "  readonly k?: string;",
      "}",
      `/** ${["A", "c", "D", "E", "f", "g", "i", "J.k", "k"].map(link).join(", ")} */`,
      `/** ${link("b")}, ${link("h")} and`,
      ` * ${link("gone")}: const gone = 1 */`,
      `// ${link("https://example.com")} leads ${link("nowhere.at.all")}`,
      'export { nowhere } from "./nowhere.ts";',
    ];
    expect(deadLinksOf("x.ts", text.join("\n"))).toEqual([
      "x.ts:11: b",
      "x.ts:11: h",
      "x.ts:12: gone",
      "x.ts:13: nowhere",
    ]);
  });
});
