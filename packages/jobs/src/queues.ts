import { retryWithBackoff } from "@cpa-payouts/core";
import { ErrorCode, type Job, type JobsOptions, type Queue } from "bullmq";
import type { Backend, BackendConfig, Telemetry } from "./backend.ts";
import { catalog, type JobName, jobOptions, type PayloadOf, type QueueName, queueNames } from "./catalog.ts";
import { openPostgresBackend } from "./postgres.ts";
import { openRedisBackend } from "./redis.ts";
import { tracingOf } from "./tracing.ts";

/**
 * Opens the backend that `config` chooses. Connects on first use.
 *
 * @param telemetry where traces are sent; no traces by default
 */
export function openBackend(config: BackendConfig, telemetry?: Telemetry): Backend {
  const tracing = tracingOf(telemetry);
  return config.kind === "redis" ? openRedisBackend(config, tracing) : openPostgresBackend(config, tracing);
}

/** The queues, as the pipeline uses them. */
export interface Queues {
  /** Adds a job, unless one with the same id waits, runs, or is kept as finished. */
  enqueue<N extends JobName>(name: N, payload: PayloadOf<N>): Promise<void>;
  /**
   * Adds many jobs of one kind. On Redis one call is not atomic, contrary to BullMQ's documentation: when memory runs out
   * in the middle, only some jobs are added. The whole call is then repeated; ids keep jobs from being added twice.
   *
   * @throws the queue's error when it persists; some of the jobs may have been added
   */
  enqueueAll<N extends JobName>(name: N, payloads: readonly PayloadOf<N>[]): Promise<void>;
  /**
   * Makes sure that jobs will run: adds lost jobs, and replaces jobs that are kept as failed or completed, because a plain
   * add under the id of a kept job has no effect. For work that is open according to the database.
   *
   * @param priorityOf the priority of a job that is added: a whole number above 0, of which workers take the lowest first. Each
   *   attempt that fails adds one. Without it jobs have none, and are taken in the order in which they were added
   * @returns the number of jobs queued again
   */
  ensureQueued<N extends JobName>(
    name: N,
    payloads: readonly PayloadOf<N>[],
    priorityOf?: (payload: PayloadOf<N>) => number,
  ): Promise<number>;
  /** BullMQ's own objects, for the scheduler and the board. */
  readonly bullmq: Readonly<Record<QueueName, Queue>>;
  close(): Promise<void>;
}

/** 1.5 seconds in total. Longer outages are left to the job that adds, which is retried for minutes. */
const ADD_PATIENCE = { attempts: 4, pauseMs: 250 };

/**
 * Opens all queues on a backend.
 *
 * @param onError receives connection errors; BullMQ reconnects by itself
 */
export function openQueues(backend: Backend, onError: (error: Error, queue: QueueName) => void): Queues {
  const bullmq = Object.fromEntries(
    queueNames.map((name) => {
      const queue = backend.queue(name);
      queue.on("error", (error) => onError(error, name));
      return [name, queue];
    }),
  ) as Record<QueueName, Queue>;
  const queueOf = (name: JobName) => bullmq[catalog[name].queue];
  return {
    bullmq,
    enqueue: async (name, payload) => {
      const { data, opts } = toJob(name, payload);
      await queueOf(name).add(name, data, opts);
    },
    enqueueAll: async (name, payloads) => {
      const jobs = payloads.map((payload) => toJob(name, payload));
      await retryWithBackoff(() => queueOf(name).addBulk(jobs), ADD_PATIENCE);
    },
    ensureQueued: (name, payloads, priorityOf = () => 0) => {
      const jobs = payloads.map((payload) => toJob(name, payload, priorityOf(payload)));
      return ensureQueued(queueOf(name), jobs);
    },
    close: async () => {
      await Promise.all(Object.values(bullmq).map((queue) => queue.close()));
    },
  };
}

function toJob<N extends JobName>(name: N, payload: PayloadOf<N>, priority = 0) {
  const definition = catalog[name] as {
    payload: { parse(data: unknown): unknown };
    id(payload: unknown): string;
    options?: JobsOptions;
  };
  const opts: JobsOptions = { ...jobOptions, ...definition.options, priority, jobId: definition.id(payload) };
  return { name, data: definition.payload.parse(payload), opts };
}

async function ensureQueued(queue: Queue, jobs: readonly ReturnType<typeof toJob>[]): Promise<number> {
  const isMissing = await Promise.all(jobs.map(({ opts }) => makeRoom(queue, opts)));
  const missing = jobs.filter((_, index) => isMissing[index]);
  if (missing.length > 0) await retryWithBackoff(() => queue.addBulk(missing), ADD_PATIENCE);
  return missing.length;
}

/**
 * Returns whether no job with this id waits or runs; then none is kept either. Reads the job instead of its state: on Redis,
 * BullMQ finds the state of a waiting job by a scan of the whole list, and 20,000 such scans (every worker's first tick in a
 * large run) blocked Redis for ten seconds.
 */
async function makeRoom(queue: Queue, { jobId = "", priority = 0 }: JobsOptions): Promise<boolean> {
  const present: Job | undefined = await queue.getJob(jobId);
  if (!present) return true;
  if (present.finishedOn !== undefined) return removeKept(present);
  if (priority > 0 && present.priority === 0) await givePriority(present, priority);
  return false;
}

/** Jobs that an earlier version added have no priority, and would go before all that have one. */
async function givePriority(present: Job, priority: number): Promise<void> {
  try {
    await present.changePriority({ priority });
  } catch (cause) {
    if (!isTooLate(cause)) throw cause;
  }
}

/** BullMQ has no error class or code for this case. */
const LOCKED = /could not be removed because it is locked/;

/**
 * Removes a finished job, so that the next one has all its attempts and nothing of the old outcome.
 *
 * @returns false when another process has meanwhile queued it again and a worker holds it
 */
async function removeKept(kept: Job): Promise<boolean> {
  try {
    await kept.remove();
    return true;
  } catch (cause) {
    // Reading its state instead would come too late: that worker may have finished it by then.
    if (cause instanceof Error && LOCKED.test(cause.message)) return false;
    throw cause;
  }
}

/** Whether BullMQ refused to change a job because it no longer exists or is no longer in the expected state. */
export function isTooLate(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === ErrorCode.JobNotExist || code === ErrorCode.JobNotInState;
}
