import { describeError } from "@cpa-payouts/db";
import { restoreTicks, scheduleTicks } from "@cpa-payouts/jobs";
import type { Context } from "@cpa-payouts/pipeline";

const CHECK_INTERVAL_MS = 30_000;

export interface Schedules {
  /** When the daily tick fires next. */
  readonly next: Date | null;
  stop(): void;
}

/**
 * Sets up the ticks of this installation and keeps them: whatever becomes of the queue's memory, they are there again
 * half a minute later. Any number of processes may do it at the same second.
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
    // The queue is away; the next check comes by itself.
    log.warn({ error: describeError(cause) }, "ticks.unchecked");
  }
}
