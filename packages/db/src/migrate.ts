import { readFile } from "node:fs/promises";
import path from "node:path";
import { OperationError } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import type { Db } from "./client.ts";
import { count, flag } from "./decoders.ts";
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
 * Applies the migrations of a folder that the database does not have yet. Several processes may call it at once.
 *
 * @param folder the repository's `drizzle/`, passed in by the app because a bundle lies elsewhere than the sources
 * @throws OperationError, one line, when the database cannot be written to
 */
export async function migrateDatabase(url: string, folder: string): Promise<void> {
  // One connection, because the advisory lock belongs to the session that took it.
  const client = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => {}, connection: NO_TIMEOUTS });
  const db = drizzle(client, { schema });
  try {
    await assertWritable(db, url);
    await client`select pg_advisory_lock(${ADVISORY_LOCK.toString()}::bigint)`;
    await migrate(db, { migrationsFolder: folder });
  } finally {
    await client.end({ timeout: 5 });
  }
}

/** Counts the migrations in a folder (`known`) and those applied to the database (`applied`). */
export async function migrationState(db: Db, folder: string): Promise<{ known: number; applied: number }> {
  const journal = JSON.parse(await readFile(path.join(folder, "meta", "_journal.json"), "utf8")) as {
    entries: unknown[];
  };
  const { exists } = await rowOf(
    db,
    { exists: flag },
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as exists`,
  );
  if (!exists) return { known: journal.entries.length, applied: 0 };
  const { applied } = await rowOf(
    db,
    { applied: count },
    sql`select count(*) as applied from drizzle.__drizzle_migrations`,
  );
  return { known: journal.entries.length, applied };
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
