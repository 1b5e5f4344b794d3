import { InputError } from "@cpa-payouts/core";
import { checkDatabase, checkRole, connect, type Db, type DbConnection, ping } from "@cpa-payouts/db";
import { type Backend, type BackendConfig, openBackend, openQueues, type Telemetry } from "@cpa-payouts/jobs";
import { type Clock, type Context, defaultPace, type Log, type Pace } from "@cpa-payouts/pipeline";
import { openAlerts } from "./channels.ts";
import type { Config } from "./env.ts";
import { queueErrorLogger } from "./queue-errors.ts";
import { acceptSetup } from "./setup.ts";

export interface OpenContext {
  readonly ctx: Context;
  readonly backend: Backend;
  close(): Promise<void>;
}

export interface ContextOptions {
  readonly config: Config;
  /** The database to use: the configured one, or the embedded one. */
  readonly databaseUrl: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly pace?: Partial<Pace>;
  /** Where traces go; nowhere by default. */
  readonly telemetry?: Telemetry | undefined;
  /** Whose work it is: the API reads lists and figures, which are planned freely; the flow's steps are not. */
  readonly purpose?: "worker" | "api";
}

const MINUTE_MS = 60_000;

const purposes = {
  // No statement of a step takes seconds; one that takes a minute is stuck, and its job is better tried again.
  worker: { applicationName: "payouts-worker", statementTimeoutMs: MINUTE_MS, steadyPlans: true },
  // The review of a million invoices is one statement.
  api: { applicationName: "payouts-api", statementTimeoutMs: 10 * MINUTE_MS, isShared: true },
} as const;

/**
 * Connects to the database and the queue and makes sure that both answer and are set up for money and jobs.
 *
 * @throws OperationError that says what is wrong, where, and what to do: in one line when a server does not answer, in
 *   one line per problem when they answer but are not to be worked with
 * @throws InputError when the queue would have to live behind a pooler
 */
export async function openContext(options: ContextOptions): Promise<OpenContext> {
  const { config, databaseUrl, clock, log } = options;
  const queueConfig = backendConfig(config, databaseUrl);
  const connection = connect({
    url: databaseUrl,
    isPooled: config.isPooled,
    ...purposes[options.purpose ?? "worker"],
  });
  const backend = openBackend(queueConfig, options.telemetry);
  try {
    await ping(connection.db, databaseUrl);
    await backend.ping();
    acceptSetup(await findProblems(connection.db, backend, options), config, log);
  } catch (cause) {
    await closeAll(connection, backend);
    throw cause;
  }
  const queues = openQueues(backend, queueErrorLogger(log));
  const { policy, highWaterMark } = config;
  const pace = { ...defaultPace, highWaterMark, ...options.pace };
  return {
    backend,
    ctx: { db: connection.db, queues, clock, log, policy, pace, alerts: openAlerts(config) },
    close: async () => {
      await queues.close();
      await closeAll(connection, backend);
    },
  };
}

async function findProblems(db: Db, backend: Backend, { config, databaseUrl }: ContextOptions) {
  const problems = await Promise.all([
    checkDatabase(db, databaseUrl),
    config.isPooled ? checkRole(db, databaseUrl) : [],
    backend.check(),
  ]);
  return problems.flat();
}

async function closeAll(connection: DbConnection, backend: Backend): Promise<void> {
  await Promise.all([connection.close(), backend.close()]);
}

/**
 * Redis when it is configured, otherwise the database that is there anyway.
 *
 * @throws InputError when that is behind a pooler
 */
export function backendConfig(config: Config, databaseUrl: string): BackendConfig {
  if (config.redisUrl) return { kind: "redis", url: config.redisUrl, prefix: config.queuePrefix };
  if (config.isPooled)
    throw new InputError(
      "DATABASE_POOLER=transaction needs REDIS_URL: without it the queue lives in PostgreSQL and listens on connections that it keeps",
    );
  return { kind: "postgres", url: databaseUrl };
}
