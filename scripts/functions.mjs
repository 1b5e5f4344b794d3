// `node scripts/functions.mjs [FOLDER...]`: how long the functions are, those of tests apart. Exit code 1 when the product's are
// too long. oxlint finds them, because it parses TypeScript; a line with a comment, and an empty one, count as lines.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["packages", "apps", "scripts", "benchmarks", "tests"];
const MAX_MEDIAN = 8;
const MAX_LINES = 70;
const LONGEST = 10;

/** Tests and what only tests use. */
const TEST_CODE = /\.test\.ts$|(^|\/)tests?\/|(^|\/)testing[/.-]/;

/** The functions of the folders, longest first, as `{ file, line, name, lines }`. */
function functionsIn(folders) {
  const oxlint = join(root, "node_modules", "oxlint", "bin", "oxlint");
  const config = join(root, "scripts", "functions", "oxlint.json");
  const args = [oxlint, "--config", config, "--format", "json", ...folders];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", maxBuffer: Infinity });
  if (!stdout.startsWith("{")) throw new Error(`oxlint failed: ${stderr || stdout}`);
  return JSON.parse(stdout)
    .diagnostics.map(toFunction)
    .sort((a, b) => b.lines - a.lines);
}

function toFunction({ code, message, filename, labels }) {
  if (code !== "functions(length)") throw new Error(`oxlint failed: ${filename}: ${message}`);
  return { file: filename.replaceAll("\\", "/"), line: labels[0].span.line, ...JSON.parse(message) };
}

/** The length that a share of the functions does not exceed. */
function quantile(functions, share) {
  const shortestFirst = functions.map(({ lines }) => lines).reverse();
  return shortestFirst[Math.ceil(share * shortestFirst.length) - 1] ?? 0;
}

function print(title, functions) {
  console.log(
    `${title}: ${functions.length} functions, median ${quantile(functions, 0.5)} lines, 90th percentile ${quantile(functions, 0.9)}`,
  );
  for (const { lines, file, line, name } of functions.slice(0, LONGEST))
    console.log(`${String(lines).padStart(5)}  ${file}:${line}${name ? `  ${name}` : ""}`);
}

function problemsOf(product) {
  const median = quantile(product, 0.5);
  return [
    ...(median > MAX_MEDIAN ? [`the median is ${median} lines, ${MAX_MEDIAN} are allowed`] : []),
    ...product
      .filter(({ lines }) => lines > MAX_LINES)
      .map(({ file, line, lines }) => `${file}:${line} has ${lines} lines, ${MAX_LINES} are allowed`),
  ];
}

const functions = functionsIn(process.argv.length > 2 ? process.argv.slice(2) : FOLDERS);
const product = functions.filter(({ file }) => !TEST_CODE.test(file));
print("product", product);
print(
  "tests",
  functions.filter(({ file }) => TEST_CODE.test(file)),
);
const problems = problemsOf(product);
for (const problem of problems) console.error(`functions: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
