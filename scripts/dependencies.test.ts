import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const workspaces = [
  "benchmarks",
  ...["packages", "packages/testing", "apps", "tests"].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
  ),
].filter((folder) => existsSync(join(root, folder, "package.json")));

/** The packages of the repository that the sources and tests of a workspace import, itself excepted. */
function importedBy(folder: string, self: string): string[] {
  const sources = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/(^|[\\/])(node_modules|dist)[\\/]/.test(file))
    .map((file) => readFileSync(join(root, folder, file), "utf8"));
  const found = sources.flatMap((text) => [...text.matchAll(/(?:from|import\()\s*"(@cpa-payouts\/[^/"]+)/g)]);
  return [...new Set(found.map(([, name = ""]) => name))].filter((name) => name !== self);
}

// turbo orders tasks and reuses their results by these lists: a package that is missing there may change without a new check.
describe("dependencies", () => {
  test.each(workspaces)("%s lists every package of the repository that it imports", (folder) => {
    const { name, dependencies, devDependencies } = JSON.parse(
      readFileSync(join(root, folder, "package.json"), "utf8"),
    );
    const listed = Object.keys({ ...dependencies, ...devDependencies });
    expect(importedBy(folder, name).filter((imported) => !listed.includes(imported))).toEqual([]);
  });
});

// The linter sees only what an app imports from the package of the database itself.
describe("statements that write", () => {
  const passing = ["access", "alerts", "contract", "core", "jobs", "pipeline", "runtime"];

  test.each(passing)("%s does not pass a statement that writes on to apps", async (name) => {
    const [statements, exported] = await Promise.all([
      import("../packages/db/src/statements/index.ts"),
      import(`@cpa-payouts/${name}`),
    ]);
    const writing = new Set<unknown>(Object.values(statements));
    expect(writing.size).toBeGreaterThan(40);
    expect(Object.keys(exported).filter((key) => writing.has(exported[key]))).toEqual([]);
  });
});
