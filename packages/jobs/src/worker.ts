import { DelayedError, type Job, type Processor, UnrecoverableError, type Worker } from "bullmq";
import type { Backend, WorkerTuning } from "./backend.ts";
import { catalog, type JobName, jobsOf, type PayloadOf, type QueueName } from "./catalog.ts";

/** Returned by a handler that is not done yet: the job runs again after `snoozeMs` milliseconds and uses up no attempt. */
export interface Snooze {
  readonly snoozeMs: number;
}

/** The result of a job. It is stored with the finished job, so it holds ids, counts and words only. */
export type JobResult = Readonly<Record<string, string | number | boolean | null>> | Snooze;

/** What a worker does with a job. */
export interface Handler<N extends JobName> {
  readonly run: (payload: PayloadOf<N>) => Promise<JobResult>;
  /**
   * Records in the database that `run` failed for the last time, with one line about the error; see
   * {@link WorkerEvents.onExhausted}. Null for a job whose work stays open, so that the next tick queues it again.
   */
  readonly onExhausted: ((payload: PayloadOf<N>, error: string) => Promise<void>) | null;
}

/** One handler per job: a missing one, or one for another type of payload, is a compile error. */
export type Handlers = { readonly [N in JobName]: Handler<N> };

export interface WorkerEvents {
  /** A handler threw and will be called again. */
  onRetry(job: JobReport): void;
  /**
   * A handler threw on its last attempt, or threw an error that `isFinal` accepts. Runs before the handler's own
   * `onExhausted` and before the queue records the failure, so that the database records it first.
   */
  onExhausted(job: JobReport): Promise<void>;
  /** The worker of a job died or lost its connection to the queue; the job will run again. */
  onStalled(jobId: string, queue: QueueName): void;
  /** The queue itself fails, for instance by a lost connection; BullMQ recovers by itself. */
  onError(error: Error, queue: QueueName): void;
  /** Whether every further attempt would fail with this error. */
  isFinal(error: unknown): boolean;
  /** One line about an error without personal data, which the queue may store. */
  describe(error: unknown): string;
}

export interface JobReport {
  readonly name: JobName;
  readonly payload: Readonly<Record<string, number>>;
  readonly attempt: number;
  readonly error: string;
}

export interface RunningWorker {
  /** Stops taking jobs and waits for the current ones. */
  close(): Promise<void>;
  /** The ids of the jobs that it works on at this moment. */
  underWay(): readonly string[];
}

/**
 * Starts a worker on a queue and waits for its connection. Delivery is at least once: a handler may run twice, even at the
 * same time.
 */
export async function startWorker(
  backend: Backend,
  queue: QueueName,
  handlers: Handlers,
  events: WorkerEvents,
  tuning: WorkerTuning,
): Promise<RunningWorker> {
  const underWay = new Set<string>();
  const process = processor(queue, handlers, events, tuning.deadlineMs ?? DEADLINE_MS);
  const worker: Worker = backend.worker(queue, listed(process, underWay), tuning);
  worker.on("error", (error) => events.onError(error, queue));
  worker.on("stalled", (jobId) => events.onStalled(jobId, queue));
  await worker.waitUntilReady();
  return { close: () => worker.close(), underWay: () => [...underWay] };
}

/** Keeps the ids of the jobs that are being processed in a set. */
function listed(process: Processor, underWay: Set<string>): Processor {
  return async (job, token) => {
    const id = job.id ?? job.name;
    underWay.add(id);
    try {
      return await process(job, token);
    } finally {
      underWay.delete(id);
    }
  };
}

/** A handler whose job is known only when one arrives; the catalogue has tested the payload. */
interface AnyHandler {
  readonly run: (payload: JobReport["payload"]) => Promise<JobResult>;
  readonly onExhausted: ((payload: JobReport["payload"], error: string) => Promise<void>) | null;
}

function processor(queue: QueueName, handlers: Handlers, events: WorkerEvents, deadlineMs: number): Processor {
  const known = new Set<string>(jobsOf(queue));
  return async (job, token) => {
    if (!known.has(job.name)) throw new UnrecoverableError(`no handler for a job named ${job.name}`);
    const name = job.name as JobName;
    const payload = catalog[name].payload.safeParse(job.data);
    if (!payload.success) throw new UnrecoverableError(`the payload of ${name} is invalid`);
    const handler = handlers[name] as AnyHandler;
    const task = { name, payload: payload.data as JobReport["payload"] };
    const run = (data: JobReport["payload"]) => withinDeadline(name, handler.run(data), deadlineMs);
    const result = await attempt(job, task, events, { ...handler, run });
    if (!("snoozeMs" in result)) return result;
    await job.moveToDelayed(Date.now() + Number(result.snoozeMs), token);
    throw new DelayedError();
  };
}

async function attempt(
  job: Job,
  task: Pick<JobReport, "name" | "payload">,
  events: WorkerEvents,
  handler: AnyHandler,
): Promise<JobResult> {
  try {
    return await handler.run(task.payload);
  } catch (cause) {
    const report = { ...task, attempt: job.attemptsMade + 1, error: events.describe(cause) };
    const final = events.isFinal(cause);
    if (!final && report.attempt < (job.opts.attempts ?? 1)) {
      events.onRetry(report);
      await giveWay(job);
      throw new Error(report.error);
    }
    await events.onExhausted(report);
    await handler.onExhausted?.(task.payload, report.error);
    // The queue stores message and stack in clear text, and the board shows them: a new error has neither data nor cause.
    throw final ? new UnrecoverableError(report.error) : new Error(report.error);
  }
}

/**
 * Lets the other jobs of its priority go before the next attempt of a job that failed. Otherwise jobs that fail would keep
 * their places: BullMQ on PostgreSQL takes a job that was delayed before those that were added later.
 */
async function giveWay(job: Job): Promise<void> {
  if (job.priority > 0) await job.changePriority({ priority: job.priority + 1 });
}

/**
 * Two minutes, ten times what any step takes. A call that never returns (a driver that has lost its connection) would
 * otherwise hold its job forever, because BullMQ renews the lock as long as the process lives. Giving up and retrying is
 * safe, because every handler may run twice at the same time.
 */
export const DEADLINE_MS = 120_000;

function withinDeadline<T>(name: JobName, work: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error(`${name} did not finish within ${deadlineMs} ms`));
    const timer = setTimeout(giveUp, deadlineMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
