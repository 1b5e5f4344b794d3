// `node scripts/ci-results.mjs FOLDER SUITE=CODE...`: counts what the suites of .ci/run reported (FOLDER/SUITE.json, with the
// suite's exit code) and what the checks printed (FOLDER/checks). Prints "N passed, N failed[, N skipped]" and ends with 1 when
// something failed.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [folder, ...suites] = process.argv.slice(2);

/** What counts as one more failure, beside the failed tests: a file without a result, and a suite that broke without one. */
function resultsOf([name, code]) {
  const file = join(folder, `${name}.json`);
  const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { testResults: [] };
  const passed = report.numPassedTests ?? 0;
  const failedTests = (report.numFailedTests ?? 0) + report.testResults.filter(hasNoResult).length;
  const isBroken = failedTests === 0 && (code !== "0" || passed === 0);
  const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0);
  return { name, code, passed, failed: failedTests + (isBroken ? 1 : 0), skipped, isBroken };
}

/** A file that could not be loaded has no tests, and one that skips all of its tests has shown nothing. */
function hasNoResult({ status, assertionResults }) {
  if (assertionResults.length === 0) return status === "failed";
  return assertionResults.every((test) => test.status !== "passed" && test.status !== "failed");
}

function failedChecks() {
  return Number(/(\d+) FAILED.*\s*$/.exec(readFileSync(join(folder, "checks"), "utf8"))?.[1] ?? 1);
}

const results = suites.map((suite) => resultsOf(suite.split("=")));
for (const { name, code, passed, failed, skipped, isBroken } of results)
  console.log(
    `${name}: ${passed} passed, ${failed} failed, ${skipped} skipped${isBroken ? ` (ended with ${code})` : ""}`,
  );
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const failed = sum("failed") + failedChecks();
console.log(`${sum("passed")} passed, ${failed} failed${sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : ""}`);
process.exitCode = failed > 0 ? 1 : 0;
