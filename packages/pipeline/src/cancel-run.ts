import { InputError, type Order } from "@cpa-payouts/core";
import { cancelRun as cancelRunInDb, findRun, type PaymentRun } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

export type CancelResult =
  | { readonly status: "cancelled"; readonly skipped: number }
  /** It is over already. */
  | { readonly status: "finished"; readonly run: PaymentRun };

/** A chunk of decisions takes part of a second, and the run moves on with each. */
const TRIES = 20;

/**
 * Stops a run for good: what is not invoiced by now is skipped, and those balances wait for a later date. Jobs that are
 * still in the queue find nothing to do.
 *
 * @throws InputError when there is no run of that date
 */
export async function cancelRun(
  ctx: DataContext,
  { paymentDate, reason, ...order }: Order & { paymentDate: string; reason: string },
): Promise<CancelResult> {
  for (let tries = 1; ; tries++) {
    const run = await findRun(ctx.db, paymentDate);
    if (!run) throw new InputError(`there is no run of ${paymentDate}`);
    if (run.state === "completed" || run.state === "cancelled") return { status: "finished", run };
    const skipped = await cancelRunInDb(ctx.db, run, { ...order, reason, now: ctx.clock() });
    if (skipped !== null) {
      ctx.log.warn({ runId: run.id, paymentDate, skipped }, "run.cancelled");
      return { status: "cancelled", skipped };
    }
    if (tries === TRIES) throw new Error(`the run of ${paymentDate} moved on each of ${TRIES} times`);
  }
}
