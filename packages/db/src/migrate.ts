import { readFile } from "node:fs/promises";
import path from "node:path";
import { OperationError } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";
import { connectionConfig, type Db } from "./client.ts";
import { count, flag } from "./decoders.ts";
import { ask, type Statement } from "./driver/ask.ts";
import { valueTypes } from "./driver/values.ts";
import { describeError } from "./errors.ts";
import { retryDeadlocks } from "./retry-deadlocks.ts";
import * as schema from "./schema/index.ts";
import { assertWritable } from "./setup.ts";
import { rowOf } from "./sql.ts";

/** `0x7061796f757473` spells "payouts". Processes that migrate at the same moment take turns on this lock. */
const ADVISORY_LOCK = 0x7061796f757473n;

/**
 * Overrides the timeouts that the role may have for its everyday work: creating an index on a large table, or waiting for
 * another process that creates it, takes longer.
 */
const NO_TIMEOUTS: Record<string, string> = { statement_timeout: "0", lock_timeout: "0" };

/**
 * 5 seconds in total, beside the second after which PostgreSQL looks for a deadlock each time. Each attempt needs a moment in
 * which no statement of another process is under way that locks tables in another order.
 */
const PATIENCE = { attempts: 10, pauseMs: 100 };

/**
 * Applies the migrations of a folder that the database does not have yet, all or none. Several processes may call it at once.
 * If the statements of processes that still run make it the victim of a deadlock, it begins again.
 *
 * @param folder the repository's `drizzle/`, passed in by the app because a bundle lies elsewhere than the sources
 * @param onRetry called before it begins again, with a description of the error
 * @throws OperationError, one line, when the database cannot be written to
 */
export async function migrateDatabase(
  url: string,
  folder: string,
  onRetry: (error: string) => void = () => {},
): Promise<void> {
  // One connection, because the advisory lock belongs to the session that took it.
  const client = new pg.Client({
    ...connectionConfig(url, "payouts-migrate", NO_TIMEOUTS),
    types: valueTypes,
    connectionTimeoutMillis: 10_000,
  });
  // A connection that is lost makes the statement on it fail; without a listener the event would also end the process.
  client.on("error", () => {});
  const checked = { query: (statement: Statement, params?: readonly unknown[]) => ask(client, statement, params) };
  // Drizzle's type names pg's class; it calls `query` only, also for a transaction.
  const db = drizzle(checked as unknown as pg.Client, { schema });
  try {
    await client.connect();
    await assertWritable(db, url);
    await client.query("select pg_advisory_lock($1::bigint)", [ADVISORY_LOCK.toString()]);
    await retryDeadlocks(() => migrate(db, { migrationsFolder: folder }), {
      ...PATIENCE,
      onRetry: (cause) => onRetry(describeError(cause)),
    });
  } finally {
    await client.end();
  }
}

/** Counts the migrations in a folder (`known`) and those applied to the database (`applied`). */
export async function migrationState(db: Db, folder: string): Promise<{ known: number; applied: number }> {
  return { known: await countKnownMigrations(folder), applied: await countAppliedMigrations(db) };
}

/** Counts the migrations in a folder. A new version that is installed over a running process adds to its folder. */
export async function countKnownMigrations(folder: string): Promise<number> {
  const journal = JSON.parse(await readFile(path.join(folder, "meta", "_journal.json"), "utf8")) as {
    entries: unknown[];
  };
  return journal.entries.length;
}

/** Counts the migrations that were applied to the database. */
export async function countAppliedMigrations(db: Db): Promise<number> {
  const { exists } = await rowOf(
    db,
    { exists: flag },
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as exists`,
  );
  if (!exists) return 0;
  const { applied } = await rowOf(
    db,
    { applied: count },
    sql`select count(*) as applied from drizzle.__drizzle_migrations`,
  );
  return applied;
}

/**
 * Checks that the database has exactly the migrations of a folder.
 *
 * @throws OperationError when migrations are missing, or when the database is newer than this version
 */
export async function assertMigrated(db: Db, folder: string): Promise<void> {
  const { known, applied } = await migrationState(db, folder);
  if (applied < known)
    throw new OperationError(
      `the database lacks ${known - applied} of ${known} migrations: run "payouts migrate" first`,
    );
  if (applied > known)
    throw new OperationError(
      `the database has ${applied} migrations and this version knows ${known}: run a newer version of payouts`,
    );
}
