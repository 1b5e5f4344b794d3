import { type QueueName, queueNames } from "./catalog.ts";
import type { Queues } from "./queues.ts";

/** The states in which jobs are counted. BullMQ has more; jobs with a priority, which it counts separately, are waiting here. */
const jobStates = ["waiting", "active", "delayed", "completed", "failed"] as const;
export type JobState = (typeof jobStates)[number];

export interface QueueCounts {
  readonly queue: QueueName;
  /** `completed` and `failed` count only the jobs that are still kept, not all that ever finished. */
  readonly jobs: Readonly<Record<JobState, number>>;
  /** Workers take no jobs from a paused queue. On PostgreSQL BullMQ then counts no job as waiting. */
  readonly isPaused: boolean;
}

/**
 * Counts the jobs of each queue by state, with two commands per queue. On Redis they read lengths; on PostgreSQL they read one
 * index entry per job, which the high-water mark bounds.
 */
export async function countJobs({ bullmq }: Pick<Queues, "bullmq">): Promise<QueueCounts[]> {
  return Promise.all(
    queueNames.map(async (queue) => {
      const [jobs, isPaused] = await Promise.all([
        bullmq[queue].getJobCounts(...jobStates, "prioritized"),
        bullmq[queue].isPaused(),
      ]);
      const { prioritized = 0, ...others } = jobs as Record<JobState, number> & { prioritized?: number };
      return { queue, jobs: { ...others, waiting: others.waiting + prioritized }, isPaused };
    }),
  );
}
