import type { Clock } from "@cpa-payouts/pipeline";
import { openContext } from "./context.ts";
import type { Config } from "./env.ts";
import { startHeartbeat } from "./heartbeat.ts";
import type { Logger } from "./logger.ts";
import { startSchedules } from "./schedules.ts";
import { untilStopped } from "./shutdown.ts";
import { startWorkers } from "./workers.ts";

export interface WorkerMainOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told once the worker takes jobs, with the instant of the next daily tick. */
  readonly onReady?: (nextTick: Date | null) => void;
}

/**
 * One worker process: takes jobs and keeps the ticks scheduled until it is told to stop, then finishes what is under
 * way and closes in order: workers, queues, database.
 */
export async function runWorker(options: WorkerMainOptions): Promise<void> {
  const { config, log } = options;
  const opened = await openContext(options);
  const workers = await startWorkers(opened.ctx, opened.backend, { concurrency: config.workerConcurrency });
  const schedules = await startSchedules(opened.ctx);
  log.info({ backend: opened.backend.kind, concurrency: config.workerConcurrency }, "worker.started");
  options.onReady?.(schedules.next);
  const stopHeartbeat = startHeartbeat(opened.ctx, opened.backend, config.healthFile);
  await untilStopped(log, async () => {
    stopHeartbeat();
    schedules.stop();
    await workers.close();
    await opened.close();
  });
}
