import { openDecisionsPage, type PaymentRun } from "@cpa-payouts/db";
import type { Context } from "./context.ts";

/** Ids looked up in the queue at the same time. */
const PAGE = 500;

/**
 * Queues what is open in the database and missing in the queue: the next step of the run, and the invoices whose jobs
 * were lost (Redis wiped), failed for the last time without recording it (the database was away), or finished without
 * settling anything (a restored backup). Safe at any time and in any number of processes.
 */
export async function resumeRun(ctx: Context, run: PaymentRun): Promise<void> {
  const payload = { runId: run.id };
  switch (run.state) {
    case "deciding":
      await ctx.queues.ensureQueued("decide", [payload]);
      return;
    case "fanning-out":
      await requeueInvoices(ctx, run);
      await ctx.queues.ensureQueued("fan-out", [payload]);
      return;
    case "processing":
      await requeueInvoices(ctx, run);
      await ctx.queues.ensureQueued("close-run", [payload]);
      return;
    case "completed":
    case "cancelled":
      return;
  }
}

/** Only decisions up to the fan-out's cursor have been queued; the high-water mark bounds how many of them are open. */
async function requeueInvoices(ctx: Context, run: PaymentRun): Promise<void> {
  let afterUserId = 0;
  let requeued = 0;
  for (;;) {
    const page = { runId: run.id, afterUserId, upToUserId: run.fanOutCursor, limit: PAGE };
    const userIds = await openDecisionsPage(ctx.db, page);
    requeued += await ctx.queues.ensureQueued(
      "create-invoice",
      userIds.map((userId) => ({ runId: run.id, userId })),
    );
    afterUserId = userIds.at(-1) ?? afterUserId;
    if (userIds.length < PAGE) break;
  }
  if (requeued > 0) ctx.log.warn({ runId: run.id, paymentDate: run.paymentDate, jobs: requeued }, "jobs.requeued");
}
