import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Db } from "@cpa-payouts/db";
import postgres from "postgres";
import { inject } from "vitest";
import { databaseUrl, TEMPLATE_DATABASE } from "./servers.ts";

export interface TestDatabase {
  readonly url: string;
  readonly db: Db;
  /** A plain client for what the product has no statement for: looking into tables, sabotage, transactions. */
  readonly sql: postgres.Sql;
  /** Throws everybody out and refuses new connections, until the answer's `end` is called two seconds later or more. */
  outage(): Promise<{ end(): Promise<void> }>;
  close(): Promise<void>;
}

const OUTAGE_MS = 2_000;

/** A migrated database of its own, cloned from the template; `empty` has no tables at all. */
export async function testDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const serverUrl = inject("postgresUrl");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const admin = postgres(serverUrl, { max: 1, onnotice: () => {} });
  await admin.unsafe(
    `create database ${name}${options.empty ? "" : ` template ${TEMPLATE_DATABASE} strategy file_copy`}`,
  );
  await admin.end();
  const url = databaseUrl(serverUrl, name);
  const { db, close } = connect({ url, max: 4, applicationName: "test" });
  const sql = postgres(url, { max: 4, onnotice: () => {}, types: { bigint: postgres.BigInt } });
  return {
    url,
    db,
    sql,
    outage: () => startOutage(serverUrl, name),
    close: async () => {
      await Promise.all([close(), sql.end({ timeout: 5 })]);
    },
  };
}

async function startOutage(serverUrl: string, name: string): Promise<{ end(): Promise<void> }> {
  const admin = postgres(serverUrl, { max: 1, onnotice: () => {} });
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
