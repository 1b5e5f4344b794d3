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

/** What CI prints for one suite whose files had tests with these results, and its exit code. */
function resultOf({ files = {}, code = 0, checks = "check: 8 ok, 0 FAILED" }: Reported) {
  const folder = mkdtempSync(join(tmpdir(), "ci-results-"));
  const tests = Object.values(files).flat();
  const count = (status: string) => tests.filter((test) => test === status).length;
  const report = {
    numPassedTests: count("passed"),
    numFailedTests: count("failed"),
    numPendingTests: count("skipped"),
    testResults: Object.entries(files).map(([name, results]) => ({
      name: join(process.cwd(), name),
      status: results.length === 0 || results.includes("failed") ? "failed" : "passed",
      message: results.length === 0 ? "Cannot find module" : "",
      assertionResults: results.map((status, index) => ({
        status,
        fullName: `test ${index}`,
        failureMessages: status === "failed" ? ["Error: 1 is not 2\n    at line 3"] : [],
      })),
    })),
  };
  writeFileSync(join(folder, "tests.json"), JSON.stringify(report));
  writeFileSync(join(folder, "checks"), checks);
  const { stdout, status } = spawnSync(process.execPath, [script, folder, `tests=${code}`], { encoding: "utf8" });
  return { lines: stdout.trim().split("\n"), status };
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
    const { lines, status } = resultOf(reported);
    expect([lines.at(-1), status]).toEqual(expected);
  });

  it("CI repeats the failed tests and the files that could not be loaded, with their errors", () => {
    const { lines } = resultOf({ files: { ...passed, "b.test.ts": ["passed", "failed"], "c.test.ts": [] }, code: 1 });
    expect(lines.slice(0, 5)).toEqual([
      "FAILED  tests: b.test.ts: test 1",
      "    Error: 1 is not 2",
      "        at line 3",
      "FAILED  tests: c.test.ts",
      "    Cannot find module",
    ]);
  });
});
