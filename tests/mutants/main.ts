// `npm run test:mutants [-- NAME...]`: puts one fault after another into the money path and runs the tests that must notice.
// Prints a table. Exit code 1 when a fault goes unnoticed, 2 when a name is unknown.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { mutants } from "./catalog.ts";
import { type Mutant, repository } from "./mutant.ts";
import { rowOf, tableHead, type Verdict, verdictOf } from "./report.ts";

const folder = await mkdtemp(path.join(tmpdir(), "payouts-mutants-"));
try {
  process.exitCode = await main(process.argv.slice(2));
} finally {
  await rm(folder, { recursive: true });
}

async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !mutants.some((mutant) => mutant.name === name));
  if (unknown.length > 0) {
    console.error(`test:mutants: there is no mutant ${unknown.join(", ")}; see tests/mutants/catalog.ts`);
    return 2;
  }
  const chosen = names.length === 0 ? mutants : mutants.filter(({ name }) => names.includes(name));
  const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))];
  console.log(`test:mutants: ${tests.length} test files without a mutant`);
  const { code, output } = await runVitest(tests, null);
  if (code !== 0) {
    console.error(`${output}\ntest:mutants: the tests fail without a mutant, so that their failures say nothing`);
    return 1;
  }
  const failures = await tryAll(chosen);
  console.log(`\n${chosen.length - failures} passed, ${failures} failed`);
  return failures === 0 ? 0 : 1;
}

/** Tries the mutants, as many at a time as there are cores, and prints a row for each. @returns how many went wrong */
async function tryAll(chosen: readonly Mutant[]): Promise<number> {
  console.log(`\n${tableHead}`);
  const waiting = [...chosen];
  let failures = 0;
  const lane = async () => {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const verdict = await tryOne(mutant);
      console.log(rowOf(mutant, verdict));
      if (!verdict.isExpected) failures += 1;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, lane));
  return failures;
}

async function tryOne(mutant: Mutant): Promise<Verdict> {
  const { code, output, results } = await runVitest(mutant.tests, mutant.name);
  if (!results) throw new Error(`mutant ${mutant.name}: the tests did not run:\n${output}`);
  return verdictOf(mutant, code, results);
}

/** Runs test files, with a mutant or without. The results are null when Vitest ended before the tests. */
async function runVitest(tests: readonly string[], mutant: string | null) {
  const report = path.join(folder, `${mutant ?? "none"}.json`);
  const config = path.join(import.meta.dirname, "vitest.config.ts");
  const vitest = path.join(repository, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--config", config, "--reporter", "json", "--outputFile", report, ...tests];
  const child = spawn(process.execPath, args, {
    cwd: repository,
    env: { ...process.env, PAYOUTS_MUTANT: mutant ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const text = await readFile(report, "utf8").catch(() => null);
  return { code, output, results: text === null ? null : JSON.parse(text) };
}
