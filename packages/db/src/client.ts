import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { parse as parseArray } from "postgres-array";
import * as schema from "./schema/index.ts";

type Drizzle = PostgresJsDatabase<typeof schema>;

/**
 * A connected database as the other packages and the apps have it. They read it with Drizzle; whatever changes it is a
 * function of this package. The type leaves out Drizzle's writing methods and the driver, so a violation does not compile.
 */
export type Db = Pick<Drizzle, "select" | "$count">;

/**
 * The same database with the methods that write, for this package only. It has no transactions: every change is one statement
 * (docs/architecture.md, law 1), because postgres.js may run the rest of a broken transaction on another connection.
 */
export type WritableDb = Omit<Drizzle, "transaction"> & { readonly $client: Pick<postgres.Sql, "unsafe"> };

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

const CONNECT_TIMEOUT_S = 5;

/**
 * By default postgres.js sends further statements behind a running one, and all of them are lost with their connection:
 * twice as many as with this setting when connections drop often. A statement may still hang; the deadline of its job
 * ends it. The types of postgres.js lack the option.
 */
const oneStatementAtATime = { max_pipeline: 0 };

const ARRAY_OIDS = { text: 1009, bigint: 1016 };

/**
 * By default postgres.js asks each server for its array types with a query of its own, on the first connection. When that
 * connection is lost at that moment, the query's error is an unhandled rejection, which ends the process, and the statement that
 * waits for the connection never settles. So the array types in use are named here.
 */
const typesWithoutAsking = {
  fetch_types: false,
  types: {
    bigint: postgres.BigInt,
    textArray: {
      to: ARRAY_OIDS.text,
      from: [ARRAY_OIDS.text],
      serialize: (values: string | readonly string[]) => toArrayLiteral(values, quote),
      parse: (literal: string) => parseArray(literal),
    },
    bigintArray: {
      to: ARRAY_OIDS.bigint,
      from: [ARRAY_OIDS.bigint],
      serialize: (values: string | readonly number[]) => toArrayLiteral(values, String),
      parse: (literal: string) => parseArray(literal, BigInt),
    },
  },
};

/** Drizzle passes the values of array columns as literals already. */
function toArrayLiteral<T>(values: string | readonly T[], toElement: (value: T) => string): string {
  return typeof values === "string" ? values : `{${values.map(toElement).join(",")}}`;
}

function quote(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

const LONGEST_PAUSE_S = 1;

/**
 * The pause before a lost connection is opened again. The default of postgres.js counts the losses of all connections and
 * triples the pause after each, up to 20 s: statements waited 14 s although the server was back all that time.
 *
 * @param losses connections lost, over the whole pool, since one was last opened
 * @returns seconds
 */
function pauseBeforeReconnect(losses: number): number {
  return Math.min(0.05 * 2 ** losses, LONGEST_PAUSE_S);
}

/** Opens a pool. The first query connects; `ping` reports what is wrong with the server. */
export function connect(options: ConnectOptions): DbConnection {
  const client = postgres(options.url, {
    max: options.max ?? 10,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: pauseBeforeReconnect,
    ...oneStatementAtATime,
    // Notices ("relation already exists, skipping") are meant for psql users; on a terminal they garble the progress bars.
    onnotice: () => {},
    ...typesWithoutAsking,
    // PgBouncer tracks prepared statements from 1.21 on, if configured to, and a client cannot see whether it does. Doing
    // without them costs little, since a statement handles many users.
    prepare: !options.isPooled,
    connection: startupParameters(options),
  });
  const db = drizzle(client, { schema, casing: "snake_case" });
  return { db, close: (timeoutSeconds = 5) => client.end({ timeout: timeoutSeconds }) };
}

function startupParameters(options: ConnectOptions): Record<string, string> {
  const named = {
    application_name: options.applicationName ?? "payouts",
    // A role or database may have other ones. In another DateStyle, JavaScript could read the day of an instant as its month. In
    // another time zone, a day of the cooling-off would have 23 or 25 hours when clocks change.
    DateStyle: "ISO, MDY",
    TimeZone: "UTC",
  };
  // PgBouncer rejects a connection that sends any of the settings below; it accepts and tracks those above.
  if (options.isPooled) return named;
  return {
    ...named,
    // As text: postgres.js omits a numeric 0, and the role's setting would apply.
    statement_timeout: `${options.statementTimeoutMs ?? 5 * MINUTE_MS}`,
    lock_timeout: `${MINUTE_MS}`,
    idle_in_transaction_session_timeout: `${MINUTE_MS}`,
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
