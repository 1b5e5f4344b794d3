import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("ci-results.mjs", import.meta.url));

interface Reported {
  readonly files?: Readonly<Record<string, readonly string[]>>;
  readonly code?: number;
  readonly checks?: string;
}

/** The last line that CI prints for one suite whose files had tests with these results, and its exit code. */
function lastLineFor({ files = {}, code = 0, checks = "check: 8 ok, 0 FAILED" }: Reported): [string, number | null] {
  const folder = mkdtempSync(join(tmpdir(), "ci-results-"));
  const tests = Object.values(files).flat();
  const count = (status: string) => tests.filter((test) => test === status).length;
  const report = {
    numPassedTests: count("passed"),
    numFailedTests: count("failed"),
    numPendingTests: count("skipped"),
    testResults: Object.values(files).map((results) => ({
      status: results.length === 0 || results.includes("failed") ? "failed" : "passed",
      assertionResults: results.map((status) => ({ status })),
    })),
  };
  writeFileSync(join(folder, "tests.json"), JSON.stringify(report));
  writeFileSync(join(folder, "checks"), checks);
  const { stdout, status } = spawnSync(process.execPath, [script, folder, `tests=${code}`], { encoding: "utf8" });
  return [stdout.trim().split("\n").at(-1) ?? "", status];
}

describe("the result of CI", () => {
  const passed = { "a.test.ts": ["passed", "passed", "skipped"] };

  it.each<[string, Reported, [string, number]]>([
    ["passed tests pass", { files: passed }, ["2 passed, 0 failed, 1 skipped", 0]],
    ["a failed test fails", { files: { a: ["passed", "failed"] }, code: 1 }, ["1 passed, 1 failed", 1]],
    [
      "a file that could not be loaded fails",
      { files: { ...passed, b: [] }, code: 1 },
      ["2 passed, 1 failed, 1 skipped", 1],
    ],
    [
      "a file that skips all tests fails",
      { files: { ...passed, b: ["skipped"] } },
      ["2 passed, 1 failed, 2 skipped", 1],
    ],
    [
      "a suite that breaks without a failed test fails",
      { files: passed, code: 1 },
      ["2 passed, 1 failed, 1 skipped", 1],
    ],
    ["a suite without tests fails", {}, ["0 passed, 1 failed", 1]],
    [
      "a failed check fails",
      { files: passed, checks: "check: 6 ok, 2 FAILED: lint, types" },
      ["2 passed, 2 failed, 1 skipped", 1],
    ],
  ])("in CI %s", (_title, reported, expected) => {
    expect(lastLineFor(reported)).toEqual(expected);
  });
});
