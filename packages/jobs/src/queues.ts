import type { Job, JobsOptions, Queue } from "bullmq";
import type { Backend, BackendConfig } from "./backend.ts";
import { catalog, type JobName, jobOptions, type PayloadOf, type QueueName, queueNames } from "./catalog.ts";
import { openPostgresBackend } from "./postgres.ts";
import { openRedisBackend } from "./redis.ts";

export function openBackend(config: BackendConfig): Backend {
  return config.kind === "redis" ? openRedisBackend(config) : openPostgresBackend(config);
}

/** The to-do list, as the pipeline sees it. */
export interface Queues {
  /** Adds a job, unless the same one waits or runs already. */
  enqueue<N extends JobName>(name: N, payload: PayloadOf<N>): Promise<void>;
  /** Adds many jobs of one kind in one call. On Redis it is not atomic: after an error some of them may be there. */
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
      await queueOf(name).addBulk(payloads.map((payload) => toJob(name, payload)));
    },
    ensureQueued: (name, payloads) => ensureQueued(queueOf(name), name, payloads),
    close: async () => {
      await Promise.all(Object.values(bullmq).map((queue) => queue.close()));
    },
  };
}

function toJob<N extends JobName>(name: N, payload: PayloadOf<N>) {
  const definition = catalog[name] as { payload: { parse(data: unknown): unknown }; id(payload: unknown): string };
  const opts: JobsOptions = { ...jobOptions, jobId: definition.id(payload) };
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

async function ensureOne(queue: Queue, job: ReturnType<typeof toJob>): Promise<boolean> {
  const { jobId = "" } = job.opts;
  const state = await queue.getJobState(jobId);
  if (state !== "completed" && state !== "failed" && state !== "unknown") return false;
  if (state !== "unknown" && !(await removeKept(queue, jobId))) return false;
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
async function removeKept(queue: Queue, jobId: string): Promise<boolean> {
  const kept: Job | undefined = await queue.getJob(jobId);
  try {
    await kept?.remove();
    return true;
  } catch (cause) {
    // To ask for its state instead would be too late: that worker may be done with it by then.
    if (cause instanceof Error && LOCKED.test(cause.message)) return false;
    throw cause;
  }
}
