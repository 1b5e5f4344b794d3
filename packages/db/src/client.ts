import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import * as schema from "./schema/index.ts";

/**
 * A connected database without `transaction`: every change is one statement (docs/architecture.md, law 1), because postgres.js can run
 * the rest of a broken transaction on another connection. The type makes the law a compile error.
 */
export type Db = Omit<PostgresJsDatabase<typeof schema>, "transaction"> & { readonly $client: postgres.Sql };

export interface DbConnection {
  readonly db: Db;
  /** Waits for the queries under way, then closes; after `timeoutSeconds` (default 5) it closes anyway. */
  close(timeoutSeconds?: number): Promise<void>;
}

export interface ConnectOptions {
  readonly url: string;
  /** Connections at most. */
  readonly max?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string;
  /** A statement that takes longer is cancelled by the server; 0 for no limit (the import of a large file). */
  readonly statementTimeoutMs?: number;
}

const MINUTE_MS = 60_000;

/** Opens a pool. It connects at the first query; see {@link ping} for a check that says what is wrong. */
export function connect(options: ConnectOptions): DbConnection {
  const client = postgres(options.url, {
    max: options.max ?? 10,
    connect_timeout: 10,
    // Notices ("relation already exists, skipping") are for psql users; on a terminal they would tear the progress bars.
    onnotice: () => {},
    types: { bigint: postgres.BigInt },
    connection: {
      application_name: options.applicationName ?? "payouts",
      statement_timeout: options.statementTimeoutMs ?? 5 * MINUTE_MS,
      lock_timeout: MINUTE_MS,
      idle_in_transaction_session_timeout: MINUTE_MS,
    },
  });
  const db = drizzle(client, { schema, casing: "snake_case" });
  return { db, close: (timeoutSeconds = 5) => client.end({ timeout: timeoutSeconds }) };
}
