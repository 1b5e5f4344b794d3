// Fails when packages/db/src/schema and the migrations in drizzle/ differ: drizzle-kit, run on a copy, must find nothing to
// generate.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const db = join(root, "packages/db");
const temporary = mkdtempSync(join(tmpdir(), "db-check-"));

/**
 * drizzle-kit may fail with exit code 0 (for instance when it has to ask whether a column was renamed), so its output must
 * contain `success`.
 */
function drizzleKit(command, config, success) {
  const cli = join(root, "node_modules/drizzle-kit/bin.cjs");
  // drizzle-kit joins every path to the working directory, even an absolute one.
  const args = [cli, command, `--config=${relative(db, config)}`];
  const run = spawnSync(process.execPath, args, { cwd: db, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  if (run.status === 0 && run.stdout.includes(success)) return true;
  console.error(`${run.stdout}${run.stderr}`.trim());
  return false;
}

try {
  const migrations = join(temporary, "drizzle");
  const config = join(temporary, "drizzle.config.ts");
  const ours = JSON.stringify(join(db, "drizzle.config.ts"));
  cpSync(join(root, "drizzle"), migrations, { recursive: true });
  writeFileSync(
    config,
    `import ours from ${ours};\nexport default { ...ours, out: ${JSON.stringify(relative(db, migrations))} };\n`,
  );
  if (!drizzleKit("check", config, "Everything's fine")) {
    console.error("The migrations in drizzle/ contradict each other.");
    process.exitCode = 1;
  } else if (!drizzleKit("generate", config, "No schema changes")) {
    console.error(
      "The schema and the migrations in drizzle/ differ: run `npm run db:generate -- --name what_changes`.",
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
