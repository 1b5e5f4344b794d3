import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { readApiConfig } from "@cpa-payouts/api";
import { problemTitles } from "@cpa-payouts/contract";
import { dollars, logLevels, overridableChecks, ruleReasons, skipReasons } from "@cpa-payouts/core";
import { readConfig } from "@cpa-payouts/runtime";
import { describe, expect, test } from "vitest";
import { filesIn, root } from "./files-in.mjs";

const read = (file: string) => readFileSync(path.join(root, file), "utf8");

/** Every Markdown file of the repository, relative to its root. */
const documents = filesIn(".", /\.md$/);

/** The lines of a document by number, without those of code blocks, whose text is neither a link nor a heading. */
function* proseOf(text: string): Generator<{ line: number; content: string }> {
  let fence: string | null = null;
  for (const [index, content] of text.split("\n").entries()) {
    const mark = /^\s*(```+|~~~+)/.exec(content)?.[1];
    if (fence === null && mark) fence = mark;
    else if (fence !== null && mark?.startsWith(fence)) fence = null;
    else if (fence === null) yield { line: index + 1, content };
  }
}

/** The anchors that GitHub gives to a document's headings: a heading that repeats an earlier one gets a number. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const { content } of proseOf(text)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(content)?.[1];
    if (heading === undefined) continue;
    const anchor = anchorOf(heading);
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

function anchorOf(heading: string): string {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, "")
    .replaceAll(" ", "-");
}

interface Link {
  readonly line: number;
  readonly target: string;
}

/** Links and pictures that stay in the repository: `[text](target)` and `[label]: target`. */
function relativeLinksOf(text: string): Link[] {
  const links: Link[] = [];
  for (const { line, content } of proseOf(text)) {
    const prose = content.replace(/(`+).*?\1/g, "");
    for (const [, inline, reference] of prose.matchAll(/\]\(<?([^)\s>]+)[^)]*\)|^\s*\[[^\]]+\]:\s*<?([^\s>]+)/g)) {
      const target = inline ?? reference ?? "";
      if (!/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target)) links.push({ line, target });
    }
  }
  return links;
}

/** Why a link leads nowhere; null when it leads to a file and, with an anchor, to a heading of it. */
function findLinkProblem(document: string, target: string): string | null {
  const [file = "", anchor] = target.split("#");
  const destination = file === "" ? document : path.join(path.dirname(document), decodeURIComponent(file));
  if (file.startsWith("/") || destination.startsWith("..")) return "it leaves the repository";
  if (!existsSync(path.join(root, destination))) return `there is no ${destination}`;
  if (anchor === undefined) return null;
  if (!destination.endsWith(".md") || statSync(path.join(root, destination)).isDirectory())
    return `${destination} is no document with headings`;
  return anchorsOf(read(destination)).has(anchor) ? null : `${destination} has no heading "${anchor}"`;
}

function brokenLinksOf(document: string, text: string): string[] {
  return relativeLinksOf(text).flatMap(({ line, target }) => {
    const problem = findLinkProblem(document, target);
    return problem === null ? [] : [`${document}:${line}: ${target}: ${problem}`];
  });
}

describe("documents", () => {
  test("the README and the documents are found", () => {
    expect(documents).toEqual(expect.arrayContaining(["README.md", "CONTRIBUTING.md", path.join("docs", "cli.md")]));
  });

  test.each(documents)("every relative link of %s leads to a file and a heading that exist", (document) => {
    expect(brokenLinksOf(document, read(document))).toEqual([]);
  });

  test("a broken link is reported with file, line and link", () => {
    const text = [
      "See",
      "[a](no.md)",
      "```",
      "[b](no.md)",
      "```",
      "`[c](no.md)` [d](#no) [e](LICENSE#no)",
      "[f]: ../no.md",
    ];
    expect(brokenLinksOf("README.md", text.join("\n"))).toEqual([
      "README.md:2: no.md: there is no no.md",
      'README.md:6: #no: README.md has no heading "no"',
      "README.md:6: LICENSE#no: LICENSE is no document with headings",
      "README.md:7: ../no.md: it leaves the repository",
    ]);
  });

  test("anchors follow GitHub's rules", () => {
    const text = "# The `a` [link](b.md), & more_x\n## Twice\n## Twice\n## Twice\n```\n# code\n```\n";
    expect([...anchorsOf(text)]).toEqual(["the-a-link--more_x", "twice", "twice-1", "twice-2"]);
  });

  test("README.md has at most 900 words", () => {
    expect(read("README.md").trim().split(/\s+/).length).toBeLessThanOrEqual(900);
  });

  test("README.md states the default of the minimum balance in its table of who is paid", () => {
    const { policy } = readConfig({}, new Date());
    expect(read("README.md")).toContain(`is owed at least ${dollars(policy.minimumBalanceCents)} and`);
  });
});

describe("docs/architecture.md", () => {
  test("the rule who is paid is documented with every reason to skip, in the order of the tests", () => {
    const documented = [...read("docs/architecture.md").matchAll(/^\d\. `([a-z-]+)`:/gm)].map(([, reason]) => reason);
    expect(documented).toEqual(ruleReasons);
  });
});

/** The environment variables that a source file declares, a line each. */
const variablesIn = (source: string) => [...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map(([, name = ""]) => name);

/** The environment variables that worker and API read. */
const variables = ["packages/runtime/src/env.ts", "apps/api/src/env.ts"].flatMap((file) => variablesIn(read(file)));

describe("docs/configuration.md", () => {
  const text = read("docs/configuration.md");

  test("the environment variables in the code of worker and API are found", () => {
    expect(variables).toEqual(expect.arrayContaining(["DATABASE_URL", "API_PORT"]));
  });

  test("an environment variable whose name has a digit is found in the code", () => {
    expect(variablesIn("z.object({\n  S3_BUCKET: z.string(),\n  OAUTH2: z.object({\n    KEY: 1")).toEqual([
      "S3_BUCKET",
      "OAUTH2",
    ]);
  });

  test.each([...new Set(variables)])("the environment variable %s is documented", (name) => {
    expect(text).toContain(`\`${name}\``);
  });
});

/** The variables of .env.example, each with its example and the choices in the comment above: "one of: ..." or "any of: ...". */
const offeredIn = (text: string) =>
  [...text.matchAll(/^(?:#.*\b(?:one|any) of: (.+)\n)?#?([A-Z][A-Z0-9_]+)=(.*)$/gm)].map(
    ([, choices, name = "", value = ""]) => ({ name, value, choices: choices?.split(", ") ?? [] }),
  );

describe(".env.example", () => {
  const offered = offeredIn(read(".env.example"));
  const examples = Object.fromEntries(offered.map(({ name, value }) => [name, value]));
  const choicesOf = (name: string) => offered.find((variable) => variable.name === name)?.choices;
  const choices = offered.flatMap((variable) => variable.choices.map((choice) => [variable.name, choice] as const));

  test("an environment variable whose name has a digit is found in .env.example", () => {
    expect(offeredIn("# Where files go, one of: a, b\n#S3_BUCKET=a\n")).toEqual([
      { name: "S3_BUCKET", value: "a", choices: ["a", "b"] },
    ]);
  });

  // docker-compose.yml makes DATABASE_URL from the password.
  test.each(Object.keys(examples).filter((name) => name !== "POSTGRES_PASSWORD"))(
    "%s, which .env.example offers, is read by the product",
    (name) => {
      expect(variables).toContain(name);
    },
  );

  test("every value in .env.example is accepted", () => {
    expect(() => readConfig(examples, new Date())).not.toThrow();
    expect(() => readApiConfig(examples)).not.toThrow();
  });

  test.each(choices)("the choice %s=%s of .env.example is accepted", (name, choice) => {
    expect(() => readConfig({ ...examples, [name]: choice }, new Date())).not.toThrow();
  });

  test(".env.example names every choice of LOG_LEVEL and ALLOW_UNSAFE", () => {
    expect(choicesOf("LOG_LEVEL")).toEqual(logLevels);
    expect(choicesOf("ALLOW_UNSAFE")).toEqual(overridableChecks);
  });
});

describe("docs/cli.md", () => {
  const text = read("docs/cli.md");
  // A subcommand is added to the variable that holds its command, which has the same name.
  const commands = [...read("apps/cli/src/command-table.ts").matchAll(/(\w+)\s*\.command\("([\w-]+)"\)/g)].map(
    ([, parent, name]) => (parent === "program" ? `payouts ${name}` : `payouts ${parent} ${name}`),
  );

  test.each(skipReasons)("docs/cli.md documents the reason %s in the JSON of a run", (reason) => {
    expect(text).toMatch(new RegExp(`["\`]${reason}["\`]`));
  });

  test.each(Object.entries(problemTitles))(
    "docs/api.md lists the code %s of errors with its meaning",
    (code, title) => {
      expect(read("docs/api.md")).toContain(`| \`${code}\` | ${title} |`);
    },
  );

  test("the commands of the command line are found", () => {
    expect(commands).toEqual(expect.arrayContaining(["payouts up", "payouts runs show"]));
  });

  test.each(commands)("the command %s is documented", (command) => {
    expect(text).toMatch(new RegExp(`\`${command}[ \`]`));
  });
});
