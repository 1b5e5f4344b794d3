// `node scripts/ci-results.mjs FOLDER SUITE=CODE...`: counts what the suites of .ci/run reported (FOLDER/SUITE.json, with the
// suite's exit code) and what the checks printed (FOLDER/checks). Repeats every failed test with the first lines of its error,
// because a reader of CI's log may be shown its end only; then prints "N passed, N failed[, N skipped]" and ends with 1 when
// something failed.
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

const [folder, ...suites] = process.argv.slice(2);

/** Of each error, which may contain a whole difference of two objects. */
const LINES_OF_ERROR = 12;

/** What counts as one more failure, beside the failed tests: a file without a result, and a suite that broke without one. */
function resultsOf([name, code]) {
  const file = join(folder, `${name}.json`);
  const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { testResults: [] };
  const passed = report.numPassedTests ?? 0;
  const failedTests = (report.numFailedTests ?? 0) + report.testResults.filter(hasNoResult).length;
  const isBroken = failedTests === 0 && (code !== "0" || passed === 0);
  const skipped = (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0);
  const failures = report.testResults.flatMap((testFile) => failuresOf(name, testFile));
  return { name, code, passed, failed: failedTests + (isBroken ? 1 : 0), skipped, isBroken, failures };
}

/** The failed tests of a file, and the file itself if it could not be loaded. */
function failuresOf(suite, { name, message, assertionResults }) {
  const place = `${suite}: ${relative(process.cwd(), name)}`;
  const failed = assertionResults.filter(({ status }) => status === "failed");
  const tests = failed.map(
    ({ fullName, failureMessages }) => `${place}: ${fullName}\n${shorten(failureMessages.join("\n"))}`,
  );
  return message && failed.length === 0 ? [`${place}\n${shorten(message)}`] : tests;
}

function shorten(text) {
  const lines = stripVTControlCharacters(text).split("\n");
  return lines
    .slice(0, LINES_OF_ERROR)
    .map((line) => `    ${line}`)
    .join("\n");
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
for (const failure of results.flatMap(({ failures }) => failures)) console.log(`FAILED  ${failure}`);
for (const { name, code, passed, failed, skipped, isBroken } of results)
  console.log(
    `${name}: ${passed} passed, ${failed} failed, ${skipped} skipped${isBroken ? ` (ended with ${code})` : ""}`,
  );
const sum = (key) => results.reduce((total, result) => total + result[key], 0);
const failed = sum("failed") + failedChecks();
console.log(`${sum("passed")} passed, ${failed} failed${sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : ""}`);
process.exitCode = failed > 0 ? 1 : 0;
