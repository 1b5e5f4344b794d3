import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { assertMigrated, connect, migrateDatabase, ping } from "@cpa-payouts/db";
import { joinEmbedded, startEmbedded } from "@cpa-payouts/embedded-postgres";
import type { DataContext } from "@cpa-payouts/pipeline";
import type { Cli } from "./cli.ts";

/** The database server of a command. */
export interface Server {
  readonly url: string;
  /** The folder of the embedded server, or null for the one that DATABASE_URL names. */
  readonly folder: string | null;
}

/** An import of a million users is one statement; it may take minutes. */
const NO_LIMIT_MS = 0;

/**
 * Runs `use` with the database server of the command: the configured one, or the embedded one. The embedded one is
 * started, or joined if another process runs it. Afterwards, also after an error, this process leaves it; the last process
 * to leave stops it.
 */
export async function withServer<T>(cli: Cli, use: (server: Server) => Promise<T>): Promise<T> {
  if (cli.config.databaseUrl) return use({ url: cli.config.databaseUrl, folder: null });
  const embedded = await startEmbedded({ ...(cli.dataDir ? { dataDir: cli.dataDir } : {}), onNotice: cli.say });
  try {
    return await use({ url: embedded.url, folder: embedded.dataDir });
  } finally {
    await embedded.stop();
  }
}

/** Runs `use` with an embedded server of its own in a temporary folder, and deletes the folder afterwards. */
export async function withThrowAwayServer<T>(cli: Cli, use: (server: Server) => Promise<T>): Promise<T> {
  // startEmbedded creates the folder, owned by the user that the server runs as.
  const folder = path.join(tmpdir(), `payouts-demo-${randomUUID()}`);
  const embedded = await startEmbedded({
    dataDir: folder,
    // The data need not survive a power cut, so no write waits for the disk.
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off" },
    onNotice: (notice) => cli.log.info({ notice }, "database.notice"),
  });
  try {
    return await use({ url: embedded.url, folder: embedded.dataDir });
  } finally {
    await embedded.stop();
    await Promise.all([folder, embedded.dataDir].map((used) => rm(used, { recursive: true, force: true })));
  }
}

/** Applies the migrations that are missing: Drizzle's, and BullMQ's unless the queue is on Redis. */
export async function migrateAll(cli: Cli, url: string): Promise<void> {
  await migrateDatabase(url, cli.migrationsFolder, (error) => cli.log.warn({ error }, "migrate.retried"));
  if (cli.config.redisUrl) return;
  // BullMQ is a third of the program, and most commands never need it.
  const { migrateQueue } = await import("@cpa-payouts/jobs");
  await migrateQueue(url);
}

/**
 * Runs `use` with a migrated database. The embedded one is migrated here. Any other must have been migrated before
 * (`payouts migrate`), because processes of several versions may be using it.
 *
 * @throws OperationError when the database does not answer, or lacks migrations
 */
export async function useDatabase<T>(cli: Cli, server: Server, use: (ctx: DataContext) => Promise<T>): Promise<T> {
  const { url } = server;
  const { db, close } = connect({
    url,
    max: 4,
    applicationName: "payouts-cli",
    statementTimeoutMs: NO_LIMIT_MS,
    isPooled: cli.config.isPooled,
  });
  try {
    await ping(db, url);
    if (server.folder) await migrateAll(cli, url);
    await assertMigrated(db, cli.migrationsFolder);
    return await use({ db, clock: cli.clock, log: cli.log });
  } finally {
    await close();
  }
}

/**
 * Runs `use` with the command's database if it need not be started: the configured one, or the embedded one while another
 * process runs it. Migrates neither.
 *
 * @returns null without such a database
 * @throws OperationError as {@link useDatabase}
 */
export async function withRunningDatabase<T>(cli: Cli, use: (ctx: DataContext) => Promise<T>): Promise<T | null> {
  if (cli.config.databaseUrl) return useDatabase(cli, { url: cli.config.databaseUrl, folder: null }, use);
  const embedded = await joinEmbedded(cli.dataDir ? { dataDir: cli.dataDir } : {});
  if (!embedded) return null;
  try {
    return await useDatabase(cli, { url: embedded.url, folder: null }, use);
  } finally {
    await embedded.stop();
  }
}

/** {@link useDatabase} with the command's server. */
export async function withDatabase<T>(cli: Cli, use: (ctx: DataContext, server: Server) => Promise<T>): Promise<T> {
  return withServer(cli, (server) => useDatabase(cli, server, (ctx) => use(ctx, server)));
}
