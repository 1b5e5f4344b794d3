import { decideChunk, getRun } from "@cpa-payouts/db";
import type { Snooze } from "@cpa-payouts/jobs";
import { activationEnd, type Context } from "./context.ts";

/**
 * Stores one decision per user who is owed anything, in chunks that continue from the run's cursor, then queues the
 * fan-out. When the run was cancelled meanwhile, no further chunk is decided.
 *
 * @returns how many users this call decided, or a snooze when its time was up before the last chunk
 */
export async function decide(ctx: Context, { runId }: { runId: number }): Promise<{ decided: number } | Snooze> {
  const isOver = activationEnd();
  let decided = 0;
  for (;;) {
    const chunk = await decideChunk(ctx.db, { runId, limit: ctx.pace.decideChunk, now: ctx.clock() });
    decided += chunk.decided;
    if (chunk.finished) break;
    if (isOver()) return { snoozeMs: 0 };
  }
  const { paymentDate, state } = await getRun(ctx.db, runId);
  if (state === "cancelling") {
    await ctx.queues.ensureQueued("close-run", [{ runId }]);
    return { decided };
  }
  ctx.log.info({ runId, paymentDate, decided }, "run.decided");
  if (state === "fanning-out") await ctx.queues.ensureQueued("fan-out", [{ runId }]);
  return { decided };
}
