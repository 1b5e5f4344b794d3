// `npm run bench:start`: the CPU time that a command costs in a checkout from its start to its end, median and range.
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrateDatabase } from "@cpa-payouts/db";
import { startEmbedded } from "@cpa-payouts/embedded-postgres";
import { migrationsFolder, repositoryRoot } from "@cpa-payouts/testing-servers";

const ROUNDS = 11;
const MS_PER_US = 1e-3;

/** Preloaded into the command: writes its CPU time (user and system) in microseconds to file descriptor 3 when it ends. */
const reporter = `import { writeSync } from "node:fs";
process.on("exit", () => { const { user, system } = process.cpuUsage(); writeSync(3, String(user + system)); });`;

const launcher = path.join(repositoryRoot, "apps", "cli", "bin", "payouts.mjs");
const preload = `data:text/javascript,${encodeURIComponent(reporter)}`;

/** The CPU milliseconds of one call. */
function measure(args: readonly string[], env: Record<string, string>): number {
  const { status, output } = spawnSync(process.execPath, ["--import", preload, launcher, ...args], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...env },
    stdio: ["ignore", "ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`payouts ${args.join(" ")} ended with ${status}`);
  return Number(output[3]) * MS_PER_US;
}

function report(name: string, args: readonly string[], env: Record<string, string> = {}): void {
  measure(args, env); // Bundles the sources if they have changed.
  const rounds = Array.from({ length: ROUNDS }, () => measure(args, env)).sort((a, b) => a - b);
  const [median, least, most] = [rounds[(ROUNDS - 1) / 2], rounds[0], rounds.at(-1)].map((ms) => ms?.toFixed(0));
  console.log(`${name.padEnd(28)} ${median} ms CPU (${least} to ${most})`);
}

const dataDir = path.join(tmpdir(), `payouts-bench-start-${randomUUID()}`);
const server = await startEmbedded({ dataDir, settings: { fsync: "off" } });
try {
  await migrateDatabase(server.url, migrationsFolder);
  const env = { DATABASE_URL: server.url };
  report("payouts --help", ["--help"]);
  report("payouts calendar", ["calendar"]);
  report("payouts runs", ["runs"], env);
  report("payouts users", ["users"], env);
  report("payouts verify", ["verify"], env);
} finally {
  await server.stop();
  await rm(server.dataDir, { recursive: true, force: true });
}
