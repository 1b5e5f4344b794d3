import type { JobsOptions } from "bullmq";
import { z } from "zod";

/** One queue per concurrency profile: a million invoices never delay the tick. */
export const queueNames = ["ticks", "runs", "invoices", "alerts"] as const;
export type QueueName = (typeof queueNames)[number];

interface JobDefinition<Payload extends z.ZodType> {
  readonly queue: QueueName;
  readonly payload: Payload;
  /**
   * The job's id in the queue. A job that waits, runs or is kept as finished is not added a second time; this saves work
   * but guarantees nothing.
   */
  readonly id: (payload: z.output<Payload>) => string;
  /** Overrides of {@link jobOptions}. */
  readonly options?: JobsOptions;
}

function job<Payload extends z.ZodType>(definition: JobDefinition<Payload>): JobDefinition<Payload> {
  return definition;
}

const SECOND_MS = 1_000;

/**
 * Fourteen attempts in six to eleven hours: mail servers and webhooks are outside the product, and their repair may have to
 * wait for the next morning.
 */
const alertOptions = {
  attempts: 14,
  backoff: { type: "exponential", delay: 5 * SECOND_MS, jitter: 0.5 },
  // While a channel is away all alerts of half a day are in the queue. Fourteen stacks would make each ten times as large; the row
  // of the delivery has the last error.
  stackTraceLimit: 1,
};

const nothing = z.object({});
const ofRun = z.object({ runId: z.int().positive() });
const ofRunAndUser = z.object({ runId: z.int().positive(), userId: z.int().positive() });

/**
 * All jobs. Payloads hold ids only: amounts, e-mails and names are read from the database (docs/architecture.md, law 7).
 * A new field must be optional, because jobs of the previous version are in flight during a deployment.
 */
export const catalog = {
  tick: job({ queue: "ticks", payload: nothing, id: () => "tick" }),
  decide: job({ queue: "runs", payload: ofRun, id: ({ runId }) => `decide-${runId}` }),
  "fan-out": job({ queue: "runs", payload: ofRun, id: ({ runId }) => `fan-out-${runId}` }),
  "create-invoice": job({
    queue: "invoices",
    payload: ofRunAndUser,
    id: ({ runId, userId }) => `invoice-${runId}-${userId}`,
  }),
  "close-run": job({ queue: "runs", payload: ofRun, id: ({ runId }) => `close-run-${runId}` }),
  "send-alert": job({
    queue: "alerts",
    payload: z.object({ deliveryId: z.int().positive() }),
    id: ({ deliveryId }) => `send-alert-${deliveryId}`,
    options: alertOptions,
  }),
} as const;

export type JobName = keyof typeof catalog;
export type PayloadOf<N extends JobName> = z.output<(typeof catalog)[N]["payload"]>;

/** The names of the jobs of a queue. */
export function jobsOf(queue: QueueName): JobName[] {
  return (Object.keys(catalog) as JobName[]).filter((name) => catalog[name].queue === queue);
}

/**
 * The options of every job, unless its definition overrides them. Eight attempts, with delays that double from one second,
 * outlast a database outage of one to two minutes; after that the next tick queues the open work again. The jitter spreads
 * the retries of a thousand jobs.
 */
export const jobOptions = {
  attempts: 8,
  backoff: { type: "exponential", delay: SECOND_MS, jitter: 0.5 },
  // A few finished jobs for the board; their results are in the database. Keeping a thousand made every job on the
  // PostgreSQL backend a quarter slower, because it looks for jobs to remove each time one finishes.
  removeOnComplete: { count: 100 },
  removeOnFail: { count: 10_000 },
};
