import type { AuditContext } from "@cpa-payouts/core";
import type { PaymentRun } from "@cpa-payouts/db";
import type { Context } from "./context.ts";
import { recordAction } from "./record-action.ts";
import { resumeRun } from "./resume-run.ts";

/** As {@link resumeRun}, for an administrator: an unfinished run gets an audit row, before anything is queued. */
export async function resumeByHand(ctx: Context, run: PaymentRun, audit: AuditContext): Promise<void> {
  const { state, paymentDate } = run;
  if (state !== "completed" && state !== "cancelled")
    await recordAction(ctx, { ...audit, action: "run.resume", object: `run:${paymentDate}`, after: { state } });
  await resumeRun(ctx, run);
}
