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
  /**
   * The URL leads to a pooler that lends a connection for one transaction at a time (PgBouncer, docs/pgbouncer.md).
   * Nothing may belong to a session then: statements are not prepared, and every setting is the role's.
   */
  readonly isPooled?: boolean;
  /**
   * Makes every plan when its statement runs, and by index wherever one can serve. It is for the statements of the flow,
   * which must not hang on what PostgreSQL knows of the tables: a session keeps its plans, and those made when a table was
   * empty read all of it for every user as it grew, until autovacuum looked at it (for 3,000 users an invoice took 30
   * times longer). Ruling scans out is not enough, since reading a whole index is as bad, and neither is planning
   * afresh. Reports do without, because most of a table is read faster by a scan.
   */
  readonly steadyPlans?: boolean;
  /**
   * Many people ask at once: nobody's question may take more than one core. PostgreSQL would start further processes for
   * each, which on a busy machine makes every one of them slower (half as fast for two people on two cores).
   */
  readonly isShared?: boolean;
}

const MINUTE_MS = 60_000;

const CONNECT_TIMEOUT_S = 5;

/**
 * With its default postgres.js sends further statements behind a running one, and all of them are lost with their
 * connection: in a storm of drops twice as many as with this setting. What hangs all the same, a job's deadline gives
 * up. The types do not know the option.
 */
const oneStatementAtATime = { max_pipeline: 0 };

const LONGEST_PAUSE_S = 1;

/**
 * How long a lost connection waits before it is opened again. With its default postgres.js counts the losses of all its
 * connections and waits three times longer after each, up to twenty seconds: statements waited 14 s for a server that
 * had been back for all of them.
 *
 * @param losses of any connection since one was last opened
 * @returns seconds
 */
function pauseBeforeReconnect(losses: number): number {
  return Math.min(0.05 * 2 ** losses, LONGEST_PAUSE_S);
}

/** Opens a pool. It connects at the first query; see {@link ping} for a check that says what is wrong. */
export function connect(options: ConnectOptions): DbConnection {
  const client = postgres(options.url, {
    max: options.max ?? 10,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: pauseBeforeReconnect,
    ...oneStatementAtATime,
    // Notices ("relation already exists, skipping") are for psql users; on a terminal they would tear the progress bars.
    onnotice: () => {},
    types: { bigint: postgres.BigInt },
    // PgBouncer follows prepared statements from 1.21 on, if it is told to; nothing here can see whether it does. What is
    // lost without them is little, since a statement works on many users.
    prepare: !options.isPooled,
    connection: startupParameters(options),
  });
  const db = drizzle(client, { schema, casing: "snake_case" });
  return { db, close: (timeoutSeconds = 5) => client.end({ timeout: timeoutSeconds }) };
}

function startupParameters(options: ConnectOptions): Record<string, string> {
  const named = { application_name: options.applicationName ?? "payouts" };
  // PgBouncer turns a connection away that comes with any of the others.
  if (options.isPooled) return named;
  return {
    ...named,
    // As text: postgres.js leaves out a 0, and what the role has would hold.
    statement_timeout: `${options.statementTimeoutMs ?? 5 * MINUTE_MS}`,
    lock_timeout: `${MINUTE_MS}`,
    idle_in_transaction_session_timeout: `${MINUTE_MS}`,
    ...(options.steadyPlans ? steadyPlanSettings : freePlanSettings),
    ...(options.isShared ? sharedSettings : {}),
  };
}

/**
 * Hash and merge joins read a whole index for a batch of some hundred users, which pays for ten thousand users and costs
 * as much again at every batch. The last one because before PostgreSQL 18 a scan that cannot be avoided is so dear that
 * its plan would be compiled first.
 */
export const steadyPlanSettings = {
  plan_cache_mode: "force_custom_plan",
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  jit: "off",
};

/**
 * For what people ask: made when it runs, since the value of a filter decides which index serves (a plan that is kept knows
 * no beginning of a LIKE, and reads every user for each search). The others are said, not assumed: a role that also works
 * through a pooler has the opposite as its settings.
 */
const freePlanSettings = {
  plan_cache_mode: "force_custom_plan",
  enable_seqscan: "on",
  enable_hashjoin: "on",
  enable_mergejoin: "on",
};

const sharedSettings = { max_parallel_workers_per_gather: "0", jit: "off" };
