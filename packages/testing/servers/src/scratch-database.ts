import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { inject } from "vitest";
import { databaseUrl, TEMPLATE_DATABASE } from "./servers.ts";
import { openSql, type SqlClient, withSql } from "./sql-client.ts";

/** A database of one test. */
export interface ScratchDatabase {
  readonly url: string;
  /** A plain client for what the product has no statement for: reading tables, tampering with them, transactions. */
  readonly sql: SqlClient;
  /** Ends all connections and refuses new ones until the result's `end` is called. Lasts at least two seconds. */
  outage(): Promise<{ end(): Promise<void> }>;
  close(): Promise<void>;
}

const OUTAGE_MS = 2_000;

/** Creates a migrated database, cloned from the template; `empty` has no tables at all. */
export async function createScratchDatabase(options: { empty?: boolean } = {}): Promise<ScratchDatabase> {
  const serverUrl = inject("postgresUrl");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const url = await createDatabase(serverUrl, name, options.empty ? undefined : TEMPLATE_DATABASE);
  const sql = openSql(url);
  return { url, sql, outage: () => startOutage(serverUrl, name), close: () => sql.end() };
}

/**
 * Creates a database on a server, empty or as a clone of a template.
 *
 * @returns its URL
 */
export async function createDatabase(serverUrl: string, name: string, template?: string): Promise<string> {
  const copy = template === undefined ? "" : ` template ${template} strategy file_copy`;
  await withSql(serverUrl, (admin) => admin.unsafe(`create database ${name}${copy}`));
  return databaseUrl(serverUrl, name);
}

async function startOutage(serverUrl: string, name: string): Promise<{ end(): Promise<void> }> {
  const admin = openSql(serverUrl);
  await admin.unsafe(`alter database ${name} allow_connections false`);
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`;
  const earliestEnd = sleep(OUTAGE_MS);
  return {
    end: async () => {
      await earliestEnd;
      await admin.unsafe(`alter database ${name} allow_connections true`);
      await admin.end();
    },
  };
}
