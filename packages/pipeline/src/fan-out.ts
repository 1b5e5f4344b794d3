import { advanceFanOut, countOpenDecisions, getRun, openDecisionsPage, type PaymentRun } from "@cpa-payouts/db";
import type { Snooze } from "@cpa-payouts/jobs";
import { activationEnd, type Context } from "./context.ts";

/** How long to let the workers draw down when the high-water mark is reached. */
const HIGH_WATER_SNOOZE_MS = 100;

/**
 * Queues one `create-invoice` job per open decision, in pages by key, never more at a time than the high-water mark.
 * The cursor is stored after each page: a crash before it queues that page again, which the jobs' ids or, at the
 * latest, `create-invoice` itself make harmless.
 *
 * @returns how many jobs this call queued, or a snooze when there are more
 */
export async function fanOut(ctx: Context, { runId }: { runId: number }): Promise<{ queued: number } | Snooze> {
  const isOver = activationEnd();
  let queued = 0;
  for (;;) {
    const run = await getRun(ctx.db, runId);
    if (run.state !== "fanning-out") break;
    const room = ctx.pace.highWaterMark - (await countOpenDecisions(ctx.db, runId, run.fanOutCursor));
    if (room <= 0) return { snoozeMs: HIGH_WATER_SNOOZE_MS };
    queued += await queuePage(ctx, run, Math.min(room, ctx.pace.fanOutPage));
    if (isOver()) return { snoozeMs: 0 };
  }
  ctx.log.info({ runId, queued }, "run.fanned-out");
  await ctx.queues.ensureQueued("close-run", [{ runId }]);
  return { queued };
}

async function queuePage(ctx: Context, run: PaymentRun, limit: number): Promise<number> {
  const userIds = await openDecisionsPage(ctx.db, { runId: run.id, afterUserId: run.fanOutCursor, limit });
  await ctx.queues.enqueueAll(
    "create-invoice",
    userIds.map((userId) => ({ runId: run.id, userId })),
  );
  await advanceFanOut(ctx.db, {
    runId: run.id,
    cursor: userIds.at(-1) ?? run.fanOutCursor,
    finished: userIds.length < limit,
    now: ctx.clock(),
  });
  return userIds.length;
}
