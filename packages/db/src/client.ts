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

/** Also how long a connection of postgres.js may be out of order after the server has dropped it in mid-sentence. */
const CONNECT_TIMEOUT_S = 5;

/**
 * With its default postgres.js sends further statements behind a running one, and when the server then drops the
 * connection they are stuck with it: of 20 callers under 120 drops one had not come back 14 s after the last, and the
 * others got through five times fewer statements than with this setting, with which none was stuck. What may hang all
 * the same, a job's deadline gives up. The types do not know the option.
 */
const oneStatementAtATime = { max_pipeline: 0 };

/** Opens a pool. It connects at the first query; see {@link ping} for a check that says what is wrong. */
export function connect(options: ConnectOptions): DbConnection {
  const client = postgres(options.url, {
    max: options.max ?? 10,
    connect_timeout: CONNECT_TIMEOUT_S,
    ...oneStatementAtATime,
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
