import { completeRun, countOpenDecisions, getRun, type PaymentRun } from "@cpa-payouts/db";
import type { Snooze } from "@cpa-payouts/jobs";
import { finishCancelling } from "./cancel-run.ts";
import type { Context } from "./context.ts";

const OPEN_SNOOZE_MS = 250;

/**
 * Closes the run once no decision is open, or takes its cancelling further. Then it queues a tick, since another payment
 * date may be due (after a longer outage there are several).
 *
 * @returns whether this call closed the run, or a snooze while decisions are open
 */
export async function closeRun(ctx: Context, { runId }: { runId: number }): Promise<{ closed: boolean } | Snooze> {
  const run = await getRun(ctx.db, runId);
  const result = await close(ctx, run);
  if ("closed" in result && result.closed) await ctx.queues.ensureQueued("tick", [{}]);
  return result;
}

async function close(ctx: Context, run: PaymentRun): Promise<{ closed: boolean } | Snooze> {
  if (run.state === "cancelling") return finishCancelling(ctx, run);
  const { id: runId, paymentDate } = run;
  if (run.state === "fanning-out") {
    // A retry has sent the run back. This job stays: if it ended now, a fan-out that ends at the same moment would not queue it
    // again, nor would a retry queue a fan-out that is just ending.
    await ctx.queues.ensureQueued("fan-out", [{ runId }]);
    return { snoozeMs: OPEN_SNOOZE_MS };
  }
  if (run.state !== "processing") return { closed: false };
  if (!(await completeRun(ctx.db, run, ctx.clock()))) {
    ctx.log.debug({ runId, open: await countOpenDecisions(ctx.db, runId) }, "run.open");
    return { snoozeMs: OPEN_SNOOZE_MS };
  }
  ctx.log.info({ runId, paymentDate }, "run.completed");
  return { closed: true };
}
