import {
  type Backend,
  type Handlers,
  type JobName,
  type QueueName,
  type RunningWorker,
  startWorker,
  type WorkerEvents,
} from "../index.ts";

/** What a test puts in place of steps of the flow. A failure is reported by the events only. */
export type TestHandlers = { readonly [N in JobName]?: Handlers[N]["run"] };

export interface TestWorkersOptions {
  readonly queues: readonly QueueName[];
  /** A job without a handler here fails. */
  readonly handlers: TestHandlers;
  readonly events?: Partial<WorkerEvents>;
  readonly deadlineMs?: number;
}

/**
 * Starts workers that do what a test says instead of the steps of the flow. By default no error is final, and an error is
 * described by its message.
 */
export async function startTestWorkers(
  { backend }: { readonly backend: Backend },
  options: TestWorkersOptions,
): Promise<RunningWorker> {
  const events: WorkerEvents = {
    isFinal: () => false,
    describe: (error) => (error instanceof Error ? error.message : String(error)),
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
    options.queues.map((queue) => startWorker(backend, queue, handlers, events, tuning)),
  );
  return {
    underWay: () => workers.flatMap((worker) => worker.underWay()),
    close: async () => {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}
