import type { AuditContext } from "@cpa-payouts/core";
import { cancelUnchangedRun, findRun, type PaymentRun } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

export type CancelResult =
  | { readonly status: "cancelled"; readonly skipped: number }
  /** The run was completed or cancelled before; nothing was changed. */
  | { readonly status: "finished"; readonly run: PaymentRun }
  | { readonly status: "unknown-run" };

/** An attempt fails if the run changes during it, as it does with each chunk of decisions, several times a second. */
const TRIES = 20;

/**
 * Cancels a run permanently: users who are not invoiced yet are skipped (`run-cancelled`) and keep their balances for a
 * later date. Jobs that are still in the queue then do nothing.
 *
 * @returns the number of users skipped, or the run as it is when it was finished before; `unknown-run` when the date has none
 * @throws Error when the run changed during every attempt
 */
export async function cancelRun(
  ctx: DataContext,
  { paymentDate, reason, ...audit }: AuditContext & { paymentDate: string; reason: string },
): Promise<CancelResult> {
  for (let tries = 1; ; tries++) {
    const run = await findRun(ctx.db, paymentDate);
    if (!run) return { status: "unknown-run" };
    if (run.state === "completed" || run.state === "cancelled") return { status: "finished", run };
    const skipped = await cancelUnchangedRun(ctx.db, run, { ...audit, reason, now: ctx.clock() });
    if (skipped !== null) {
      ctx.log.warn({ runId: run.id, paymentDate, skipped }, "run.cancelled");
      return { status: "cancelled", skipped };
    }
    if (tries === TRIES) throw new Error(`the run of ${paymentDate} changed during each of ${TRIES} attempts`);
  }
}
