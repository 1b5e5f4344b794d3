import { ErrorCode, type Job, type JobsOptions, type Queue } from "bullmq";
import { tryAgain } from "./again.ts";
import type { Backend, BackendConfig, Telemetry } from "./backend.ts";
import { catalog, type JobName, jobOptions, type PayloadOf, type QueueName, queueNames } from "./catalog.ts";
import { openPostgresBackend } from "./postgres.ts";
import { openRedisBackend } from "./redis.ts";
import { tracingOf } from "./tracing.ts";

/** @param telemetry where traces go; none by default */
export function openBackend(config: BackendConfig, telemetry?: Telemetry): Backend {
  const tracing = tracingOf(telemetry);
  return config.kind === "redis" ? openRedisBackend(config, tracing) : openPostgresBackend(config, tracing);
}

/** The to-do list, as the pipeline sees it. */
export interface Queues {
  /** Adds a job, unless the same one waits or runs already. */
  enqueue<N extends JobName>(name: N, payload: PayloadOf<N>): Promise<void>;
  /**
   * Adds many jobs of one kind. On Redis one call is not atomic, whatever BullMQ's documentation says: when the memory
   * is full in the middle of it, some jobs are in and some are not. The whole call is then made again; the jobs that
   * are in already are recognised by their ids.
   *
   * @throws the queue's error when it goes on; some of the jobs may be there
   */
  enqueueAll<N extends JobName>(name: N, payloads: readonly PayloadOf<N>[]): Promise<void>;
  /**
   * Makes sure that jobs will run: adds the lost ones and wakes those that are kept as failed or completed, whose ids
   * would swallow a plain add without a word. For work that the database says is open, after whatever happened.
   *
   * @returns how many had to be queued again
   */
  ensureQueued<N extends JobName>(name: N, payloads: readonly PayloadOf<N>[]): Promise<number>;
  /** BullMQ's own objects, for the scheduler and for a board. */
  readonly bullmq: Readonly<Record<QueueName, Queue>>;
  close(): Promise<void>;
}

/** A second and a half in all; what takes longer is the business of the job that adds, which is tried again for minutes. */
const ADD_PATIENCE = { attempts: 4, pauseMs: 250 };

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
      await tryAgain(() => queueOf(name).addBulk(jobs), ADD_PATIENCE);
    },
    ensureQueued: (name, payloads) => ensureQueued(queueOf(name), name, payloads),
    close: async () => {
      await Promise.all(Object.values(bullmq).map((queue) => queue.close()));
    },
  };
}

function toJob<N extends JobName>(name: N, payload: PayloadOf<N>) {
  const definition = catalog[name] as {
    payload: { parse(data: unknown): unknown };
    id(payload: unknown): string;
    options?: JobsOptions;
  };
  const opts: JobsOptions = { ...jobOptions, ...definition.options, jobId: definition.id(payload) };
  return { name, data: definition.payload.parse(payload), opts };
}

async function ensureQueued<N extends JobName>(
  queue: Queue,
  name: N,
  payloads: readonly PayloadOf<N>[],
): Promise<number> {
  const jobs = payloads.map((payload) => toJob(name, payload));
  const queuedAgain = await Promise.all(jobs.map((job) => ensureOne(queue, job)));
  return queuedAgain.filter(Boolean).length;
}

/**
 * It reads the job instead of asking for its state: for a job that waits, BullMQ looks for the state by walking through
 * the whole list on Redis, and 20,000 such questions (every worker's first tick in a large run) kept Redis from all else
 * for ten seconds.
 */
async function ensureOne(queue: Queue, job: ReturnType<typeof toJob>): Promise<boolean> {
  const present: Job | undefined = await queue.getJob(job.opts.jobId ?? "");
  if (present && !present.finishedOn) return false;
  if (present && !(await removeKept(present))) return false;
  await queue.add(job.name, job.data, job.opts);
  return true;
}

/** BullMQ has no error class or code for it. */
const LOCKED = /could not be removed because it is locked/;

/**
 * Removes a finished job, so that the next one has its full number of attempts and no trace of the old outcome.
 *
 * @returns false when another process has queued it again in the meantime and a worker holds it
 */
async function removeKept(kept: Job): Promise<boolean> {
  try {
    await kept.remove();
    return true;
  } catch (cause) {
    // To ask for its state instead would be too late: that worker may be done with it by then.
    if (cause instanceof Error && LOCKED.test(cause.message)) return false;
    throw cause;
  }
}

/** Whether BullMQ refused to change a job because it is gone, or in another state than the one it is changed from. */
export function isTooLate(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === ErrorCode.JobNotExist || code === ErrorCode.JobNotInState;
}
