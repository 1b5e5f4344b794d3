import type { AuditContext } from "@cpa-payouts/core";
import { findRun, getRun, type PaymentRun, requestCancel, skipCancelled, totalsOfRun } from "@cpa-payouts/db";
import type { Snooze } from "@cpa-payouts/jobs";
import { activationEnd, type Context, type DataContext } from "./context.ts";

export type CancelResult =
  /** Every user without an invoice is skipped; `skipped` is their number. */
  | { readonly status: "cancelled"; readonly skipped: number }
  /** Nothing more is invoiced. The workers skip the users who are left; `skipped` of them are skipped by now. */
  | { readonly status: "cancelling"; readonly skipped: number }
  /** The run was completed or cancelled before; nothing was changed. */
  | { readonly status: "finished"; readonly run: PaymentRun }
  | { readonly status: "unknown-run" };

/**
 * Cancels a run permanently: users who are not invoiced yet are skipped (`run-cancelled`) and keep their balances for a
 * later date. Jobs that are still in the queue then do nothing. A run that is being cancelled is taken further.
 *
 * The users of a large run are skipped for some seconds here and then by the workers, or by the next tick.
 */
export async function cancelRun(
  ctx: Context,
  { paymentDate, reason, ...audit }: AuditContext & { paymentDate: string; reason: string },
): Promise<CancelResult> {
  const found = await findRun(ctx.db, paymentDate);
  if (!found) return { status: "unknown-run" };
  const { id: runId } = found;
  if (await requestCancel(ctx.db, { ...audit, reason, runId, now: ctx.clock() }))
    ctx.log.warn({ runId, paymentDate }, "run.cancelling");
  const run = await getRun(ctx.db, runId);
  if (run.state !== "cancelling") return { status: "finished", run };
  const isDone = await skipUsers(ctx, run);
  if (!isDone) await ctx.queues.ensureQueued("close-run", [{ runId }]);
  const { skipped } = await totalsOfRun(ctx.db, runId);
  return { status: isDone ? "cancelled" : "cancelling", skipped: skipped["run-cancelled"] ?? 0 };
}

/**
 * Takes a run in `cancelling` further.
 *
 * @returns a snooze when users are left
 */
export async function finishCancelling(ctx: Context, run: PaymentRun): Promise<{ closed: boolean } | Snooze> {
  return (await skipUsers(ctx, run)) ? { closed: true } : { snoozeMs: 0 };
}

/** Skips the users of a run in `cancelling` in chunks until all are skipped or the time of a step is over. */
async function skipUsers(ctx: Pick<Context, keyof DataContext | "pace">, run: PaymentRun): Promise<boolean> {
  const { id: runId, paymentDate } = run;
  const isOver = activationEnd();
  let afterUserId = 0;
  do {
    const step = { runId, afterUserId, limit: ctx.pace.decideChunk, now: ctx.clock() };
    const { lastUserId, finished } = await skipCancelled(ctx.db, step);
    if (finished) {
      ctx.log.warn({ runId, paymentDate }, "run.cancelled");
      return true;
    }
    afterUserId = lastUserId ?? afterUserId;
  } while (!isOver());
  return false;
}
