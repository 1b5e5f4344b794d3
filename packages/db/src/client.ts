import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import type pg from "pg";
import type { Statement } from "./driver/ask.ts";
import { type Connections, openConnections } from "./driver/connections.ts";
import * as schema from "./schema/index.ts";

type Drizzle = NodePgDatabase<typeof schema>;

type Client = Pick<Connections, "query">;

/**
 * A connected database as the other packages and the apps have it. They read it with Drizzle; whatever changes it is a
 * function of this package. The type leaves out Drizzle's writing methods and the driver, so a violation does not compile.
 */
export type Db = Pick<Drizzle, "select" | "$count">;

/**
 * The same database with the methods that write, for this package only. It has no transactions: every change is one statement
 * (docs/architecture.md, law 1), and each statement may run on another connection.
 */
export type WritableDb = Omit<Drizzle, "transaction"> & { readonly $client: Client };

/** Returns a database with the methods that write. `index.ts` does not export this function. */
export function writable(db: Db): WritableDb {
  return db as WritableDb;
}

export interface DbConnection {
  readonly db: Db;
  /** Waits at most `timeoutSeconds` (default 5) for running queries, then closes. */
  close(timeoutSeconds?: number): Promise<void>;
}

export interface ConnectOptions {
  readonly url: string;
  /** Maximum number of connections; default 10. */
  readonly max?: number;
  /** Shown in pg_stat_activity; default `payouts`. */
  readonly applicationName?: string;
  /** The server cancels a statement that takes longer; default five minutes, 0 for no limit (the import of a large file). */
  readonly statementTimeoutMs?: number;
  /**
   * The URL leads to a pooler that assigns a connection per transaction (PgBouncer, docs/pgbouncer.md). Session state is
   * not available then: statements are not prepared, and all settings are those of the role.
   */
  readonly isPooled?: boolean;
  /**
   * Plans each statement when it runs, and by index wherever an index can serve. Meant for the statements of the flow,
   * whose speed must not depend on table statistics. A session otherwise keeps its plans: those made while a table was
   * empty read the whole table for every user as it grew, until autovacuum analysed it (with 3,000 users an invoice took
   * 30 times longer). Forbidding sequential scans is not enough, because reading a whole index is as slow; planning at
   * each execution alone is not enough either. Reports do not use it, because a scan reads most of a table faster.
   */
  readonly steadyPlans?: boolean;
  /**
   * Limits each statement to one core, for connections that serve many people at once. PostgreSQL would otherwise start
   * parallel workers for each statement, which slows all of them down on a busy machine (half as fast for two people on
   * two cores).
   */
  readonly isShared?: boolean;
}

const MINUTE_MS = 60_000;

/** Opens a pool. The first query connects; `ping` reports what is wrong with the server. */
export function connect(options: ConnectOptions): DbConnection {
  const { query, close } = openConnections({
    max: options.max ?? 10,
    config: connectionConfig(options.url, options.applicationName ?? "payouts", directSettings(options)),
    ...(options.isPooled ? { prepare: setReportedSettings } : {}),
  });
  const client: Client = {
    query: (statement, params) => query(options.isPooled ? withoutName(statement) : statement, params),
  };
  // Drizzle's type names pg's classes; it calls `query` only, except for a transaction, which `WritableDb` does not have.
  const db = drizzle(client as unknown as pg.Pool, { schema, casing: "snake_case" });
  return { db, close: (timeoutSeconds = 5) => close(timeoutSeconds) };
}

/**
 * PgBouncer tracks prepared statements from 1.21 on, if configured to, and a client cannot see whether it does. Doing without
 * them costs little, since a statement handles many users.
 */
function withoutName({ text, rowMode }: Statement): Statement {
  return { text, rowMode };
}

/**
 * How to connect to a server, for pg.
 *
 * @param settings what to set on the connection, by name; empty behind a pooler, which refuses them. What the URL sets in a
 *   parameter `options` comes first, so that the settings given here count
 */
export function connectionConfig(
  url: string,
  applicationName: string,
  settings: Readonly<Record<string, string>>,
): pg.ClientConfig {
  const address = new URL(url);
  const options = [address.searchParams.get("options") ?? "", ...Object.entries(settings).map(toOption)];
  address.searchParams.delete("options");
  // Otherwise pg reads `require` as `verify-full`, and says on stderr that this will change.
  if (address.searchParams.has("sslmode")) address.searchParams.set("uselibpqcompat", "true");
  return {
    connectionString: address.href,
    application_name: applicationName,
    options: options.filter(Boolean).join(" "),
  };
}

function toOption([name, value]: [string, string]): string {
  return `-c ${name}=${value}`;
}

/**
 * The settings of the role or database may be other ones. In another DateStyle, JavaScript could read the day of an instant as
 * its month. In another time zone, a day of the cooling-off would have 23 or 25 hours when clocks change.
 */
const reportedSettings = { DateStyle: "ISO,MDY", TimeZone: "UTC" };

/** Sets what PgBouncer tracks for each of its clients, in whatever way it was set; at the start of a connection pg cannot. */
async function setReportedSettings(connection: pg.ClientBase): Promise<void> {
  const { DateStyle, TimeZone } = reportedSettings;
  await connection.query(`set DateStyle = ${DateStyle}; set TimeZone = '${TimeZone}'`);
}

function directSettings(options: ConnectOptions): Record<string, string> {
  if (options.isPooled) return {};
  return {
    ...reportedSettings,
    statement_timeout: String(options.statementTimeoutMs ?? 5 * MINUTE_MS),
    lock_timeout: String(MINUTE_MS),
    idle_in_transaction_session_timeout: String(MINUTE_MS),
    ...(options.steadyPlans ? steadyPlanSettings : freePlanSettings),
    ...(options.isShared ? sharedSettings : {}),
  };
}

/**
 * The settings of {@link ConnectOptions.steadyPlans}. Hash and merge joins read a whole index for every batch of a few
 * hundred users, which only pays off for some ten thousand users at once. `jit` is off because before PostgreSQL 18 an
 * unavoidable scan is estimated to be so expensive that its plan would be compiled first.
 */
export const steadyPlanSettings = {
  plan_cache_mode: "force_custom_plan",
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  jit: "off",
};

/**
 * The settings of connections without `steadyPlans`. A plan is made at each execution, since the value of a filter decides
 * which index serves: a kept plan does not know the prefix of a LIKE, and reads every user for each search. The others are
 * PostgreSQL's defaults, set explicitly because a role that also works through a pooler has the opposite values.
 */
const freePlanSettings = {
  plan_cache_mode: "force_custom_plan",
  enable_seqscan: "on",
  enable_hashjoin: "on",
  enable_mergejoin: "on",
};

const sharedSettings = { max_parallel_workers_per_gather: "0", jit: "off" };
