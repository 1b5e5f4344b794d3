import { OperationError } from "@cpa-payouts/core";
import { createPostgresBackend, Queue, runMigrations, Worker } from "bullmq";
import pg from "pg";
import { type AnyQueue, type AnyWorker, type Backend, type BackendConfig, workerOptions } from "./backend.ts";
import type { TracingOf } from "./tracing.ts";

/** Keeps BullMQ's tables apart from those of the payouts. */
const SCHEMA = "bullmq";

/** Each worker occupies one connection of the pool for LISTEN; the others serve all queues of the process. */
const POOL_SIZE = 12;

/**
 * BullMQ on PostgreSQL. All its objects share one pool, because BullMQ's own pools (one per object) would use up the
 * server's connections with a few processes. The schema is therefore set on the pool.
 */
export function openPostgresBackend(config: Extract<BackendConfig, { kind: "postgres" }>, tracing: TracingOf): Backend {
  const pool = new pg.Pool({
    connectionString: config.url,
    max: POOL_SIZE,
    keepAlive: true,
    application_name: "payouts-queue",
    options: `-c search_path=${SCHEMA}`,
  });
  // Every queue and worker listens to the shared pool's errors: more listeners than Node's default limit, but no leak.
  pool.setMaxListeners(50);
  // BullMQ expects a pg.Pool here; only the listener types of the two packages differ.
  const connection = pool as unknown as Parameters<typeof createPostgresBackend>[1]["connection"];
  return {
    kind: "postgres",
    // BullMQ's own types contain the kind of connection, on which no code outside this file may depend.
    queue: (name) => new Queue(name, { connection, ...tracing(name) }, createPostgresBackend) as unknown as AnyQueue,
    worker: (name, processor, tuning) =>
      new Worker(
        name,
        processor,
        { connection, ...tracing(name), ...workerOptions(tuning) },
        createPostgresBackend,
      ) as unknown as AnyWorker,
    ping: () => ping(pool),
    // The queue is in the database of the payouts, which is checked when it is opened.
    check: async () => [],
    close: () => pool.end(),
  };
}

async function ping(pool: pg.Pool): Promise<void> {
  const migrated = await pool
    .query<{ there: boolean }>(`select to_regnamespace('${SCHEMA}') is not null as there`)
    .catch((cause: Error) => {
      throw new OperationError(`the queue's database does not answer: ${cause.message}; check DATABASE_URL`);
    });
  if (!migrated.rows[0]?.there)
    throw new OperationError('the database lacks the tables of the queue: run "payouts migrate" first');
}

/** Creates or updates BullMQ's tables. Safe to call from several processes at once: BullMQ takes an advisory lock. */
export async function migrateQueue(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: "payouts-migrate" });
  await client.connect();
  try {
    await runMigrations(client, SCHEMA);
  } finally {
    await client.end();
  }
}
