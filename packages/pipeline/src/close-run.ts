import { completeRun, countOpenDecisions, getRun } from "@cpa-payouts/db";
import type { Snooze } from "@cpa-payouts/jobs";
import type { Context } from "./context.ts";

const OPEN_SNOOZE_MS = 250;

/**
 * Closes the run once no decision is open, and queues a tick, since another payment date may be due (after a longer
 * outage there are several).
 *
 * @returns whether this call closed the run, or a snooze while decisions are open
 */
export async function closeRun(ctx: Context, { runId }: { runId: number }): Promise<{ closed: boolean } | Snooze> {
  const run = await getRun(ctx.db, runId);
  if (run.state !== "processing") return { closed: false };
  if (!(await completeRun(ctx.db, run, ctx.clock()))) {
    ctx.log.debug({ runId, open: await countOpenDecisions(ctx.db, runId) }, "run.open");
    return { snoozeMs: OPEN_SNOOZE_MS };
  }
  ctx.log.info({ runId, paymentDate: run.paymentDate }, "run.completed");
  await ctx.queues.ensureQueued("tick", [{}]);
  return { closed: true };
}
