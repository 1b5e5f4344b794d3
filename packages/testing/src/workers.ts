import { describeError, isDataError } from "@cpa-payouts/db";
import {
  type Handlers,
  type QueueName,
  queueNames,
  type RunningWorker,
  startWorker,
  type WorkerEvents,
  type WorkerTuning,
} from "@cpa-payouts/jobs";
import { closeFinishedRun, createInvoice, decide, failInvoice, fanOut, tick } from "@cpa-payouts/pipeline";
import type { TestFlow } from "./flow.ts";

export interface TestWorkersOptions {
  /** In place of the steps of the flow. */
  readonly handlers?: Partial<Handlers>;
  readonly events?: Partial<WorkerEvents>;
  readonly queues?: readonly QueueName[];
  readonly tuning?: Partial<WorkerTuning>;
}

/** Workers on the queues of a flow that call its steps, or whatever a test puts in their place. */
export async function startTestWorkers(flow: TestFlow, options: TestWorkersOptions = {}): Promise<RunningWorker> {
  const { ctx } = flow;
  const handlers: Handlers = {
    tick: () => tick(ctx),
    decide: (payload) => decide(ctx, payload),
    "fan-out": (payload) => fanOut(ctx, payload),
    "create-invoice": (payload) => createInvoice(ctx, payload),
    "close-run": (payload) => closeFinishedRun(ctx, payload),
    ...options.handlers,
  };
  const events: WorkerEvents = {
    isFinal: isDataError,
    describe: describeError,
    onError: () => {},
    onRetry: () => {},
    onExhausted: async ({ name, payload, error }) => {
      const { runId, userId } = payload;
      if (name === "create-invoice" && runId && userId) await failInvoice(ctx, { runId, userId }, error);
    },
    ...options.events,
  };
  const tuning = { concurrency: 8, ...options.tuning };
  const workers = await Promise.all(
    (options.queues ?? queueNames).map((queue) => startWorker(flow.backend, queue, handlers, events, tuning)),
  );
  return {
    close: async () => {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

/** Something to wait for that somebody else opens. */
export function latch<T = void>(): { readonly opened: Promise<T>; open(value: T): void } {
  let open: (value: T) => void = () => {};
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
