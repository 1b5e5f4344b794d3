import { describeError, isDataError } from "@cpa-payouts/db";
import { type Handlers, type QueueName, type RunningWorker, startWorker, type WorkerEvents } from "@cpa-payouts/jobs";
import type { TestFlow } from "./flow.ts";

export interface TestWorkersOptions {
  readonly queues: readonly QueueName[];
  /** What the test puts in place of the steps of the flow. A job without a handler here fails. */
  readonly handlers: Partial<Handlers>;
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
  const { handlers, deadlineMs } = options;
  const tuning = { concurrency: 8, ...(deadlineMs === undefined ? {} : { deadlineMs }) };
  const workers = await Promise.all(
    options.queues.map((queue) => startWorker(flow.backend, queue, handlers as Handlers, events, tuning)),
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
