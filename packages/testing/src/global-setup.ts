import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrateDatabase, startEmbedded } from "@cpa-payouts/db";
import { migrateQueue } from "@cpa-payouts/jobs";
import postgres from "postgres";
import type { TestProject } from "vitest/node";
import { findPgBouncer } from "../../../scripts/bootstrap/pgbouncer.mjs";
import { findRedis } from "../../../scripts/bootstrap/redis.mjs";
import { startRedis } from "./redis-server.ts";
import { databaseUrl, migrationsFolder, TEMPLATE_DATABASE } from "./servers.ts";

/** Nothing in a test survives a power cut, so nothing waits for the disk. */
const FAST_AND_FORGETFUL = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  max_connections: "400",
};

/** One private PostgreSQL and one private Redis on free ports for the whole test run, and a migrated template database. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // mkdtemp makes a folder that only we may enter; as root, the server runs as another user and must.
  const folder = path.join(tmpdir(), `payouts-tests-${randomUUID()}`);
  await mkdir(folder, { mode: 0o755 });
  // Redis first: where it is missing and must not be, nothing has been started that would have to be stopped.
  const redis = await startRedisIfThere(folder);
  const database = await startEmbedded({ dataDir: path.join(folder, "pg"), settings: FAST_AND_FORGETFUL });
  await createTemplate(database.url);
  project.provide("postgresUrl", database.url);
  project.provide("redisUrl", redis?.url ?? null);
  project.provide("redisBinary", redis?.binary ?? null);
  project.provide("pgbouncerBinary", findPgBouncer(process.env));
  return async () => {
    await redis?.stop();
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

async function createTemplate(url: string): Promise<void> {
  const admin = postgres(url, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${TEMPLATE_DATABASE}`);
  await admin.end();
  const templateUrl = databaseUrl(url, TEMPLATE_DATABASE);
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
