import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as db from "./index.ts";
import * as statements from "./statements/index.ts";

interface Override {
  readonly includes: readonly string[];
  readonly linter: {
    readonly rules: {
      readonly style: {
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
    ({ linter }) => linter.rules.style.noRestrictedImports?.options.paths["@cpa-payouts/db"]?.importNames ?? [],
  );
}

const WRITES = /\binsert into |\bupdate \w+ (\w+ )?set\b|\bdelete from |\b(db|Db)\s*\.(insert|update|delete)\(/;

describe("writing statements", () => {
  it("apps cannot import a statement that writes: the linter's list has all of them", () => {
    expect([...refusedInApps()].sort()).toEqual(Object.keys(statements).sort());
  });

  it("a function whose SQL writes is exported as a statement, not as something that reads", () => {
    const writing = Object.entries(db)
      .filter(([, value]) => typeof value === "function" && WRITES.test(value.toString()))
      .map(([name]) => name);
    expect(writing).toContain("updateUserStatus");
    expect(writing.filter((name) => !(name in statements))).toEqual([]);
  });
});
