// `npm run check`: the steps of CI on this version of Node, with a line per step. A failing step shows its output, and the
// steps after it still run.
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const withTests = !process.argv.includes("--without-tests");

const STEPS = [
  ["format and lint", "biome check --error-on-warnings --diagnostic-level=warn --max-diagnostics=none ."],
  ["awaited promises, layers", "oxlint"],
  ["unused code", "knip"],
  ["length of functions", "node scripts/functions.mjs"],
  ["types", "npm run --silent typecheck"],
  ["schema and migrations", "npm run --silent db:check"],
  ["build", "npm run --silent build"],
];

/**
 * Runs a command; returns its output and whether it succeeded. `live` prints the output as it comes, since tests take
 * minutes.
 */
function run(command, { live = false } = {}) {
  const child = spawn(command, {
    cwd: root,
    shell: true,
    stdio: ["ignore", live ? "inherit" : "pipe", live ? "inherit" : "pipe"],
    env: { ...process.env, PATH: join(root, "node_modules", ".bin") + delimiter + process.env.PATH },
  });
  return new Promise((resolve) => {
    let output = "";
    const collect = (chunk) => {
      output += chunk;
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.on("close", (code) => resolve({ isOk: code === 0, output }));
  });
}

async function step(name, command, options) {
  const start = Date.now();
  const { isOk, output } = await run(command, options);
  console.log(`${isOk ? "ok    " : "FAILED"}  ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  if (!isOk && output) console.log(output.trimEnd());
  return { name, isOk };
}

async function check() {
  const bootstrap = `node scripts/bootstrap.mjs${withTests ? " --redis --pgbouncer" : ""}`;
  if (!(await run(bootstrap, { live: true })).isOk) return [{ name: "bootstrap", isOk: false }];
  const results = [];
  for (const [name, command] of STEPS) results.push(await step(name, command));
  if (withTests) results.push(await step("tests", "vitest run", { live: true }));
  if (withTests) results.push(await step("storms", "tsx tests/faults/main.ts --quick", { live: true }));
  return results;
}

const results = await check();
const failed = results.filter((result) => !result.isOk).map((result) => result.name);
console.log(
  `check: ${results.length - failed.length} ok, ${failed.length} FAILED${failed.length > 0 ? `: ${failed.join(", ")}` : ""}`,
);
process.exitCode = failed.length > 0 ? 1 : 0;
