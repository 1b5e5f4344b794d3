import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { Db, WritableDb } from "./client.ts";
import * as statements from "./statements/index.ts";

interface Override {
  readonly includes: readonly string[];
  readonly linter: {
    readonly rules: {
      readonly style?: {
        readonly noRestrictedImports?: { options: { paths: Record<string, { importNames: string[] }> } };
      };
    };
  };
}

/** The names that the linter refuses in apps. */
function refusedInApps(): readonly string[] {
  const text = readFileSync(new URL("../../../biome.json", import.meta.url), "utf8");
  const { overrides } = JSON.parse(text) as { overrides: readonly Override[] };
  return overrides.flatMap(
    ({ linter }) => linter.rules.style?.noRestrictedImports?.options.paths["@cpa-payouts/db"]?.importNames ?? [],
  );
}

const sources = new URL(".", import.meta.url);

/** Where this package writes: its statements, the migrations, and what tests prepare. */
const MAY_WRITE = /^(statements|testing)[\\/]|^migrate\.ts$|\.test\.ts$/;

/** SQL that changes rows, and Drizzle's methods that do. */
const WRITES =
  /\b(insert\s+into|merge\s+into|delete\s+from|truncate\s+\w+|nextval|update\s+\w+(\s+(as\s+)?\w+)?\s+set)\b|\bwritable\(|\.(insert|update|delete)\(/i;

describe("writing statements", () => {
  it("apps cannot import a statement that writes: the linter's list has all of them", () => {
    expect([...refusedInApps()].sort()).toEqual(Object.keys(statements).sort());
  });

  it("only the files of the statements contain SQL that writes", () => {
    const files = readdirSync(sources, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
    const writing = files.filter((file) => WRITES.test(readFileSync(new URL(file, sources), "utf8")));
    expect(writing).toContain(join("statements", "update-user-status.ts"));
    // The files of the driver remove members of sets, and `sql.ts` updates a hash.
    const driver = ["connections.ts", "turns.ts"].map((file) => join("driver", file));
    expect(writing.filter((file) => !MAY_WRITE.test(file)).sort()).toEqual(["client.ts", ...driver, "sql.ts"]);
  });

  it("each statement is in a file named after it", () => {
    const index = readFileSync(new URL("statements/index.ts", sources), "utf8");
    const exported = [...index.matchAll(/^export \{ (.*) \} from "\.\/(.*)\.ts";$/gm)];
    expect(exported).toHaveLength(Object.keys(statements).length);
    for (const [, name = "", file] of exported)
      expect(file).toBe(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
  });

  it("the package exports no other function of the files of the statements", () => {
    const index = readFileSync(new URL("index.ts", sources), "utf8");
    const exported = [...index.matchAll(/^export (.*) from "\.\/statements\/(.*)\.ts";$/gm)];
    expect(exported.filter(([, names, file]) => file !== "index" && !names?.startsWith("type {"))).toEqual([]);
  });

  it("a database as apps hold it has no method that writes", () => {
    expectTypeOf<keyof Db>().toEqualTypeOf<"select" | "$count">();
  });

  it("a statement cannot open a transaction", () => {
    expectTypeOf<WritableDb>().not.toHaveProperty("transaction");
    expectTypeOf<WritableDb["$client"]>().not.toHaveProperty("begin");
  });
});
