import { InputError } from "@cpa-payouts/core";
import { checkDatabase, checkRole, connect, type Db, type DbConnection, ping } from "@cpa-payouts/db";
import type { Backend, BackendConfig, Telemetry } from "@cpa-payouts/jobs";
import { type Clock, type Context, defaultPace, type Log, type Pace } from "@cpa-payouts/pipeline";
import { openAlerts } from "./alerts.ts";
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
  /** Records traces of jobs; none by default. */
  readonly telemetry?: Telemetry | undefined;
  /** `worker`, the default, sets `steadyPlans` for the steps of the flow; `api`, for lists and figures, does not. */
  readonly purpose?: "worker" | "api";
}

const MINUTE_MS = 60_000;

const purposes = {
  // No statement of a step takes seconds; one that takes a minute is stuck, and its job is better tried again.
  worker: { applicationName: "payouts-worker", statementTimeoutMs: MINUTE_MS, steadyPlans: true },
  // The review of a million invoices is one statement, which may take minutes.
  api: { applicationName: "payouts-api", statementTimeoutMs: 10 * MINUTE_MS, isShared: true },
} as const;

/**
 * Connects to the database and the queue, and checks that both answer and are set up safely.
 *
 * @throws OperationError that names the problem, the server and the remedy: one line when a server does not answer, one
 *   line per problem when both answer but their set-up is refused
 * @throws InputError when the queue would be in a database behind a pooler
 */
export async function openContext(options: ContextOptions): Promise<OpenContext> {
  const { config, databaseUrl, clock, log } = options;
  const queueConfig = backendConfig(config, databaseUrl);
  // BullMQ and its clients are half of the program, and most commands open no queue.
  const { openBackend, openQueues } = await import("@cpa-payouts/jobs");
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
 * Where the queue is: in Redis when `REDIS_URL` is set, otherwise in the database.
 *
 * @throws InputError when that database is behind a pooler
 */
export function backendConfig(config: Config, databaseUrl: string): BackendConfig {
  if (config.redisUrl) return { kind: "redis", url: config.redisUrl, prefix: config.queuePrefix };
  if (config.isPooled)
    throw new InputError(
      "DATABASE_POOLER=transaction needs REDIS_URL: without it the queue is in PostgreSQL and needs persistent connections for LISTEN",
    );
  return { kind: "postgres", url: databaseUrl };
}
