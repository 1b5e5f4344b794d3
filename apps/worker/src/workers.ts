import { describeError, isDataError } from "@cpa-payouts/db";
import {
  type Backend,
  type QueueName,
  queueNames,
  type RunningWorker,
  startWorker,
  type WorkerEvents,
  type WorkerTuning,
} from "@cpa-payouts/jobs";
import type { Context } from "@cpa-payouts/pipeline";
import { queueErrorLogger } from "@cpa-payouts/runtime";
import { createHandlers } from "./handlers.ts";
import { noMeter, type WorkerMeter } from "./metrics.ts";

export interface WorkersOptions extends WorkerTuning {
  /** Which queues to work on; all by default. */
  readonly queues?: readonly QueueName[];
  /** Records nothing by default. */
  readonly meter?: WorkerMeter;
  /** Called before each tick and step of a run; a step whose call rejects is tried again later, by another worker. */
  readonly beforeStep?: () => Promise<void>;
}

/** Steps of runs are few and short, and two runs never depend on each other. */
const RUN_STEPS_AT_A_TIME = 4;

/** More than one, because a slow channel must not delay the other. */
const ALERTS_AT_A_TIME = 4;

/** Starts one worker per queue. `close` stops taking jobs and waits for those under way. */
export async function startWorkers(ctx: Context, backend: Backend, options: WorkersOptions): Promise<RunningWorker> {
  const { meter = noMeter, beforeStep = async () => {} } = options;
  const handlers = createHandlers(ctx, meter.onInvoiceBatch, beforeStep);
  const events = workerEvents(ctx, meter);
  const workers = await Promise.all(
    (options.queues ?? queueNames).map((queue) =>
      startWorker(backend, queue, handlers, events, { ...options, concurrency: concurrencyOf(queue, options) }),
    ),
  );
  return {
    underWay: () => workers.flatMap((worker) => worker.underWay()),
    close: async () => {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

function concurrencyOf(queue: QueueName, { concurrency }: WorkersOptions): number {
  switch (queue) {
    case "ticks":
      return 1;
    case "runs":
      return RUN_STEPS_AT_A_TIME;
    case "invoices":
      return concurrency;
    case "alerts":
      return ALERTS_AT_A_TIME;
  }
}

function workerEvents(ctx: Context, meter: WorkerMeter): WorkerEvents {
  return {
    isFinal: isDataError,
    describe: describeError,
    onError: queueErrorLogger(ctx.log),
    onStalled: (id, queue) => {
      meter.onStall(queue);
      ctx.log.warn({ queue, id }, "job.stalled");
    },
    onRetry: ({ name, payload, attempt, error }) => {
      meter.onRetry(name);
      ctx.log.warn({ job: name, ...payload, attempt, error }, "job.retried");
    },
    onExhausted: async ({ name, payload, attempt, error }) => {
      meter.onFailure(name);
      ctx.log.error({ job: name, ...payload, attempt, error }, "job.failed");
    },
  };
}
