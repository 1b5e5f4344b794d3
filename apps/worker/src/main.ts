import type { Telemetry, WorkerTuning } from "@cpa-payouts/jobs";
import { type Clock, createReadiness } from "@cpa-payouts/pipeline";
import { type Config, type Logger, type OpenContext, openContext, reportSlowClosing } from "@cpa-payouts/runtime";
import { startHeartbeat } from "./heartbeat.ts";
import { openProcessMetrics, openWorkerMeter, type ProcessMetrics, type WorkerMeter } from "./metrics.ts";
import { startMonitoring } from "./monitoring.ts";
import { startSchedules } from "./schedules.ts";
import { type SchemaWatch, watchSchema } from "./schema-watch.ts";
import { startWorkers } from "./workers.ts";

export interface WorkerMainOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The folder of Drizzle's migrations, for `/readyz`. */
  readonly migrationsFolder: string;
  /** The metrics to which the worker adds its own; new ones by default. */
  readonly metrics?: ProcessMetrics;
  /** Records traces of jobs; none by default. */
  readonly telemetry?: Telemetry | undefined;
  /** Resolves when the worker must stop, possibly before it has started. */
  readonly stopped: Promise<void>;
  /** Called once the worker takes jobs, with the instant of the next daily tick. */
  readonly onReady?: (nextTick: Date | null) => void;
  /** Determines how soon another worker takes over the jobs of one that died. */
  readonly recovery?: Pick<WorkerTuning, "lockDurationMs" | "stalledIntervalMs">;
}

/**
 * Runs a worker: takes jobs and keeps the ticks scheduled until `stopped` resolves, then finishes the jobs under way
 * and closes workers, queues and database in that order. A start-up that fails half-way closes what it has opened;
 * otherwise the process would neither work nor exit, and would never be restarted.
 *
 * @throws OperationError when a server does not answer or is refused, when the address for metrics is not available, or once a
 *   newer version has migrated the database
 * @throws InputError when the queue would be in a database behind a pooler
 */
export async function runWorker(options: WorkerMainOptions): Promise<void> {
  const opened = await openContext(options);
  try {
    await work(opened, options);
  } finally {
    await reportSlowClosing(options.log, opened.close(), { waitingFor: "connections" });
  }
  options.log.info({}, "worker.stopped");
}

async function work(opened: OpenContext, options: WorkerMainOptions): Promise<void> {
  const metrics = options.metrics ?? openProcessMetrics();
  const monitoring = await openMonitoring(opened, options, metrics);
  try {
    await whileCurrent(opened, options, (watch) => takeJobs(opened, options, openWorkerMeter(metrics.registry), watch));
  } finally {
    await monitoring?.close();
  }
}

/** Opened before the first job, so probes see a worker that has trouble starting; a port in use prevents the start. */
async function openMonitoring({ ctx, backend }: OpenContext, options: WorkerMainOptions, metrics: ProcessMetrics) {
  const { config, log, migrationsFolder } = options;
  const { metricsAddress: address } = config;
  if (!address) return null;
  const readiness = createReadiness({ ctx, backend, migrationsFolder });
  return startMonitoring({ address, readiness, metrics: metrics.text, log });
}

/** Runs `use` with a watch of the database's migrations. @throws OperationError once the database is newer than this process */
async function whileCurrent(
  { ctx }: OpenContext,
  { migrationsFolder }: WorkerMainOptions,
  use: (watch: SchemaWatch) => Promise<void>,
): Promise<void> {
  const watch = await watchSchema(ctx, migrationsFolder);
  try {
    await watch.assertCurrent();
    await use(watch);
  } finally {
    watch.stop();
  }
}

async function takeJobs(
  { ctx, backend }: OpenContext,
  options: WorkerMainOptions,
  meter: WorkerMeter,
  { assertCurrent, outdated }: SchemaWatch,
): Promise<void> {
  const { config, log } = options;
  const concurrency = config.workerConcurrency;
  const workers = await startWorkers(ctx, backend, {
    concurrency,
    meter,
    beforeStep: assertCurrent,
    ...options.recovery,
  });
  try {
    const schedules = await startSchedules(ctx);
    log.info({ backend: backend.kind, concurrency }, "worker.started");
    options.onReady?.(schedules.next);
    const stopHeartbeat = startHeartbeat(ctx, backend, config.healthFile);
    const problem = await Promise.race([options.stopped, outdated]);
    stopHeartbeat();
    schedules.stop();
    if (problem) throw problem;
  } finally {
    await reportSlowClosing(log, workers.close(), { waitingFor: "jobs", jobs: workers.underWay });
  }
}
