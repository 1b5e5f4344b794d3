import { scheduleTicks } from "@cpa-payouts/jobs";
import type { Context } from "@cpa-payouts/pipeline";

/** Sets up the ticks of this installation; any number of processes may do it at the same second. */
export async function startSchedules({ queues, policy, log }: Context): Promise<Date | null> {
  const next = await scheduleTicks(queues, policy.schedule);
  log.info({ ...policy.schedule, next: next?.toISOString() ?? null }, "ticks.scheduled");
  return next;
}
