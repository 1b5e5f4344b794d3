import { describeError } from "@cpa-payouts/db";
import { restoreTicks, scheduleTicks } from "@cpa-payouts/jobs";
import type { Context } from "@cpa-payouts/pipeline";

const CHECK_INTERVAL_MS = 30_000;

export interface Schedules {
  /** The instant of the next daily tick. */
  readonly next: Date | null;
  stop(): void;
}

/**
 * Schedules the ticks of this installation and checks every 30 seconds that they are still scheduled, because a Redis
 * that loses its data loses them as well. Any number of processes may do so at the same time.
 */
export async function startSchedules(ctx: Context, checkIntervalMs = CHECK_INTERVAL_MS): Promise<Schedules> {
  const { schedule } = ctx.policy;
  const next = await scheduleTicks(ctx.queues, schedule);
  ctx.log.info({ ...schedule, next: next?.toISOString() ?? null }, "ticks.scheduled");
  const timer = setInterval(() => {
    void keepTicks(ctx);
  }, checkIntervalMs);
  return { next, stop: () => clearInterval(timer) };
}

async function keepTicks({ queues, policy, log }: Context): Promise<void> {
  try {
    if (await restoreTicks(queues, policy.schedule)) log.warn({ ...policy.schedule }, "ticks.restored");
  } catch (cause) {
    // The queue is unreachable. The next check tries again.
    log.warn({ error: describeError(cause) }, "ticks.unchecked");
  }
}
