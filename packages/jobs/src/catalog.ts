import type { JobsOptions } from "bullmq";
import { z } from "zod";

/** One queue per concurrency profile: a million invoices never stand in the way of the tick. */
export const queueNames = ["ticks", "runs", "invoices", "alerts"] as const;
export type QueueName = (typeof queueNames)[number];

interface JobDefinition<Payload extends z.ZodType> {
  readonly queue: QueueName;
  readonly payload: Payload;
  /** The job's id in the queue: adding it again while it waits or runs does nothing. It saves work; it guarantees nothing. */
  readonly id: (payload: z.output<Payload>) => string;
  /** What differs from {@link jobOptions}. */
  readonly options?: JobsOptions;
}

function job<Payload extends z.ZodType>(definition: JobDefinition<Payload>): JobDefinition<Payload> {
  return definition;
}

const SECOND_MS = 1_000;

/**
 * Fourteen attempts in six to eleven hours: what an alert leaves through is not ours, and whoever repairs it may have to
 * wake up first.
 */
const alertOptions = { attempts: 14, backoff: { type: "exponential", delay: 5 * SECOND_MS, jitter: 0.5 } };

const nothing = z.object({});
const ofRun = z.object({ runId: z.int().positive() });
const ofRunAndUser = z.object({ runId: z.int().positive(), userId: z.int().positive() });

/**
 * Every job there is. Payloads hold ids only: amounts, e-mails and names are read from the database (docs/architecture.md, law 7).
 * Fields may be added as optional ones only, since jobs of the version before are in flight during a deployment.
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

/** The names of the jobs that travel through a queue. */
export function jobsOf(queue: QueueName): JobName[] {
  return (Object.keys(catalog) as JobName[]).filter((name) => catalog[name].queue === queue);
}

/**
 * What every job is added with, unless it has options of its own. Eight attempts from one second on outlast two minutes
 * of a database that is away; after that the next tick queues again whatever is still open. The jitter spreads a
 * thousand retries.
 */
export const jobOptions = {
  attempts: 8,
  backoff: { type: "exponential", delay: SECOND_MS, jitter: 0.5 },
  // A few finished jobs to look at on a board; what they did is in the database. Keeping a thousand made every job on
  // the PostgreSQL backend a quarter slower, which looks for jobs to drop each time one finishes.
  removeOnComplete: { count: 100 },
  removeOnFail: { count: 10_000 },
};
