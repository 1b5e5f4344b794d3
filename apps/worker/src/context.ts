import { connect, type DbConnection, ping } from "@cpa-payouts/db";
import { type Backend, type BackendConfig, openBackend, openQueues } from "@cpa-payouts/jobs";
import { type Clock, type Context, defaultPace, type Log, type Pace } from "@cpa-payouts/pipeline";
import type { Config } from "./env.ts";
import { queueErrorLogger } from "./queue-errors.ts";

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
}

/** No statement of a step takes seconds; one that takes a minute is stuck, and its job is better tried again. */
const STATEMENT_TIMEOUT_MS = 60_000;

/**
 * Connects to the database and the queue and makes sure that both answer.
 *
 * @throws OperationError in one line that says which of them does not, and what to do
 */
export async function openContext(options: ContextOptions): Promise<OpenContext> {
  const { config, databaseUrl, clock, log } = options;
  const connection = connect({
    url: databaseUrl,
    applicationName: "payouts-worker",
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const backend = openBackend(backendConfig(config, databaseUrl));
  try {
    await ping(connection.db, databaseUrl);
    await backend.ping();
  } catch (cause) {
    await closeAll(connection, backend);
    throw cause;
  }
  const queues = openQueues(backend, queueErrorLogger(log));
  return {
    backend,
    ctx: { db: connection.db, queues, clock, log, policy: config.policy, pace: { ...defaultPace, ...options.pace } },
    close: async () => {
      await queues.close();
      await closeAll(connection, backend);
    },
  };
}

async function closeAll(connection: DbConnection, backend: Backend): Promise<void> {
  await Promise.all([connection.close(), backend.close()]);
}

/** Redis when it is configured, otherwise the database that is there anyway. */
export function backendConfig(config: Config, databaseUrl: string): BackendConfig {
  if (config.redisUrl) return { kind: "redis", url: config.redisUrl, prefix: config.queuePrefix };
  return { kind: "postgres", url: databaseUrl };
}
