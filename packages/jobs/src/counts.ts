import { type QueueName, queueNames } from "./catalog.ts";
import type { Queues } from "./queues.ts";

/** Where a job of ours can be; BullMQ has more states, for features that nobody uses here. */
const jobStates = ["waiting", "active", "delayed", "completed", "failed"] as const;
export type JobState = (typeof jobStates)[number];

export interface QueueCounts {
  readonly queue: QueueName;
  /** Finished jobs are those kept to be looked at, not all there ever were. */
  readonly jobs: Readonly<Record<JobState, number>>;
  /** Somebody stopped it on the board: nothing is taken from it. On PostgreSQL BullMQ then counts no job as waiting. */
  readonly isPaused: boolean;
}

/**
 * What each queue holds. Two commands per queue; on Redis they read lengths, on PostgreSQL as many index entries as there
 * are jobs, which the high-water mark bounds.
 */
export async function countJobs({ bullmq }: Pick<Queues, "bullmq">): Promise<QueueCounts[]> {
  return Promise.all(
    queueNames.map(async (queue) => {
      const [jobs, isPaused] = await Promise.all([bullmq[queue].getJobCounts(...jobStates), bullmq[queue].isPaused()]);
      return { queue, jobs: jobs as Record<JobState, number>, isPaused };
    }),
  );
}
