import { randomBytes } from "node:crypto";
import { connect, type Db } from "@cpa-payouts/db";
import postgres from "postgres";
import { inject } from "vitest";
import { databaseUrl, TEMPLATE_DATABASE } from "./servers.ts";

export interface TestDatabase {
  readonly url: string;
  readonly db: Db;
  /** A plain client for what the product has no statement for: looking into tables, sabotage, transactions. */
  readonly sql: postgres.Sql;
  close(): Promise<void>;
}

/** A migrated database of its own, cloned from the template; `empty` has no tables at all. */
export async function testDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const serverUrl = inject("postgresUrl");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const admin = postgres(serverUrl, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name}${options.empty ? "" : ` template ${TEMPLATE_DATABASE}`}`);
  await admin.end();
  const url = databaseUrl(serverUrl, name);
  const { db, close } = connect({ url, max: 4, applicationName: "test" });
  const sql = postgres(url, { max: 4, onnotice: () => {}, types: { bigint: postgres.BigInt } });
  return {
    url,
    db,
    sql,
    close: async () => {
      await Promise.all([close(), sql.end()]);
    },
  };
}
