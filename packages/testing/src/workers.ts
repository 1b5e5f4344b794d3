import { describeError, isDataError } from "@cpa-payouts/db";
import {
  type Handlers,
  type JobName,
  type QueueName,
  type RunningWorker,
  startWorker,
  type WorkerEvents,
} from "@cpa-payouts/jobs";
import type { TestFlow } from "./flow.ts";

/** What a test puts in place of steps of the flow. A failure is reported by the events only. */
export type TestHandlers = { readonly [N in JobName]?: Handlers[N]["run"] };

export interface TestWorkersOptions {
  readonly queues: readonly QueueName[];
  /** A job without a handler here fails. */
  readonly handlers: TestHandlers;
  readonly events?: Partial<WorkerEvents>;
  readonly deadlineMs?: number;
}

/** Workers on the queues of a flow that do what a test tells them, instead of the steps of the flow. */
export async function startTestWorkers(flow: TestFlow, options: TestWorkersOptions): Promise<RunningWorker> {
  const events: WorkerEvents = {
    isFinal: isDataError,
    describe: describeError,
    onStalled: () => {},
    onError: () => {},
    onRetry: () => {},
    onExhausted: async () => {},
    ...options.events,
  };
  const { deadlineMs } = options;
  const handlers = Object.fromEntries(
    Object.entries(options.handlers).map(([name, run]) => [name, { run, onExhausted: null }]),
  ) as unknown as Handlers;
  const tuning = { concurrency: 8, ...(deadlineMs === undefined ? {} : { deadlineMs }) };
  const workers = await Promise.all(
    options.queues.map((queue) => startWorker(flow.backend, queue, handlers, events, tuning)),
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
