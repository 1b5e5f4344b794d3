import { openDecisionsPage, type PaymentRun, rewindFanOut } from "@cpa-payouts/db";
import { activationEnd, type Context } from "./context.ts";

/**
 * Queues what is open in the database and missing in the queue: the next step of the run, and the invoices whose jobs
 * were lost (Redis wiped), failed for the last time without recording it (the database was away), or finished without
 * settling anything (a restored backup). Safe at any time and in any number of processes. It takes some seconds at most:
 * what is left then is queued by the fan-out.
 */
export async function resumeRun(ctx: Context, run: PaymentRun): Promise<void> {
  const payload = { runId: run.id };
  switch (run.state) {
    case "deciding":
      await ctx.queues.ensureQueued("decide", [payload]);
      return;
    case "fanning-out":
      // The fan-out is still to come to the users after its cursor.
      await requeueInvoices(ctx, run, run.fanOutCursor);
      await ctx.queues.ensureQueued("fan-out", [payload]);
      return;
    case "processing":
      // Without a bound: the cursor is the last one that could be stored, and users after it may be queued.
      if (await requeueInvoices(ctx, run)) await ctx.queues.ensureQueued("close-run", [payload]);
      else await ctx.queues.ensureQueued("fan-out", [payload]);
      return;
    case "cancelling":
      await ctx.queues.ensureQueued("close-run", [payload]);
      return;
    case "completed":
    case "cancelled":
      return;
  }
}

/**
 * Queues the lost jobs of open decisions. Beyond the high-water mark, or when the time of a step is over, it sends the
 * fan-out back instead.
 *
 * @returns whether all open decisions were looked at
 */
async function requeueInvoices(ctx: Context, run: PaymentRun, upToUserId?: number): Promise<boolean> {
  const isOver = activationEnd();
  let afterUserId = 0;
  let looked = 0;
  let requeued = 0;
  for (;;) {
    const page = { runId: run.id, afterUserId, upToUserId, limit: ctx.pace.fanOutPage };
    const userIds = await openDecisionsPage(ctx.db, page);
    const isEnd = userIds.length === 0;
    if (isEnd || looked >= ctx.pace.highWaterMark || isOver()) {
      if (requeued > 0) ctx.log.warn({ runId: run.id, paymentDate: run.paymentDate, jobs: requeued }, "jobs.requeued");
      if (!isEnd) await rewindFanOut(ctx.db, run, { cursor: afterUserId, now: ctx.clock() });
      return isEnd;
    }
    const jobs = userIds.map((userId) => ({ runId: run.id, userId }));
    requeued += await ctx.queues.ensureQueued("create-invoice", jobs);
    looked += userIds.length;
    afterUserId = userIds.at(-1) ?? afterUserId;
  }
}
