import { spawnSync } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { migrateDatabase } from "@cpa-payouts/db";
import { startEmbedded } from "@cpa-payouts/embedded-postgres";
import { migrateQueue } from "@cpa-payouts/jobs";
import {
  createDatabase,
  migrationsFolder,
  RUN_FOLDER_PREFIX,
  runFolder,
  startRedis,
  sweep,
  TEMPLATE_DATABASE,
  temporaryFolder,
} from "@cpa-payouts/testing-servers";
import type { TestProject } from "vitest/node";
import { findPgBouncer } from "../scripts/bootstrap/pgbouncer.mjs";
import { findRedis } from "../scripts/bootstrap/redis.mjs";
import { checkoutBundle } from "../scripts/checkout-bundle.mjs";

/** The data of a test need not survive a power cut, so no write waits for the disk. */
const FAST_AND_FORGETFUL = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "400",
  // It would visit each of the hundreds of databases every minute, and change query plans at random moments.
  autovacuum: "off",
};

/** One private PostgreSQL and one private Redis on free ports for the whole test run, and a migrated template database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweepEarlierRuns();
  const folder = runFolder();
  // As root the database server runs as another user, who must be able to enter; tests make their own folders below.
  await mkdir(folder, { mode: 0o755 });
  await mkdir(temporaryFolder(folder), { mode: 0o755 });
  const sweepAtExit = () => sweepInProcess(folder);
  process.once("exit", sweepAtExit);
  try {
    const stop = await start(project, folder);
    return () => stop().finally(() => process.off("exit", sweepAtExit));
  } catch (cause) {
    await sweep(folder);
    throw cause;
  }
}

/**
 * Sweeps from a process of its own. Vitest exits a millisecond after a signal, such as that of Ctrl-C, and a handler of that
 * exit cannot wait for anything but a process.
 */
function sweepInProcess(folder: string): void {
  spawnSync(process.execPath, ["--import", "tsx", path.join(import.meta.dirname, "sweep.ts"), folder], {
    stdio: "inherit",
  });
}

async function start(project: TestProject, folder: string): Promise<() => Promise<void>> {
  const redis = await startRedisIfThere(folder);
  const database = await startEmbedded({ dataDir: path.join(folder, "pg"), settings: FAST_AND_FORGETFUL });
  await createTemplate(database.url);
  // Built here once, so that no two tests build it at the same time.
  await checkoutBundle();
  project.provide("postgresUrl", database.url);
  project.provide("redisUrl", redis?.url ?? null);
  project.provide("redisBinary", redis?.binary ?? null);
  project.provide("pgbouncerBinary", findPgBouncer(process.env));
  return async () => {
    await redis?.stop();
    await database.stop();
    const leftovers = await sweep(folder);
    if (leftovers.length === 0) return;
    const lines = leftovers.map(({ pid, command }) => `  ${pid} ${command}`);
    // Vitest only prints the error of a teardown.
    process.exitCode = 1;
    throw new Error(`the tests left processes behind, which were killed:\n${lines.join("\n")}`);
  };
}

/** Removes what test runs that were killed have left. */
async function sweepEarlierRuns(): Promise<void> {
  const parent = path.dirname(runFolder());
  for (const name of await readdir(parent)) {
    const [, pid] = new RegExp(`^${RUN_FOLDER_PREFIX}(\\d+)$`).exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) await sweep(path.join(parent, name));
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function createTemplate(url: string): Promise<void> {
  const templateUrl = await createDatabase(url, TEMPLATE_DATABASE);
  await migrateDatabase(templateUrl, migrationsFolder);
  await migrateQueue(templateUrl);
}

async function startRedisIfThere(folder: string) {
  const { file, problem } = findRedis(process.env);
  if (file) return { ...(await startRedis({ binary: file, folder })), binary: file };
  const why = problem ?? "no redis-server or valkey-server on the PATH";
  if (process.env.CI === "true") throw new Error(`${why}: with CI=true the Redis suites must run`);
  console.warn(`\n*** The Redis suites are SKIPPED: ${why}. ***\n`);
  return null;
}
