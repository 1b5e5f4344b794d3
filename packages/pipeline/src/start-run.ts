import type { AuditContext, PaymentDate, RunTrigger } from "@cpa-payouts/core";
import { openRun, type PaymentRun } from "@cpa-payouts/db";
import type { Context } from "./context.ts";
import { resumeRun } from "./resume-run.ts";

/**
 * Opens the run of a payment date, or takes up the existing one, and makes sure that its next step is queued.
 *
 * @returns the new or existing run; a finished one is left as it is
 */
export async function startRun(
  ctx: Context,
  input: AuditContext & { date: PaymentDate; trigger: RunTrigger },
): Promise<PaymentRun> {
  const { run, opened } = await openRun(ctx.db, { ...input, policy: ctx.policy, now: ctx.clock() });
  if (opened) {
    const { id: runId, paymentDate, kind, trigger } = run;
    ctx.log.info({ runId, paymentDate, kind, trigger }, "run.opened");
  }
  await resumeRun(ctx, run);
  return run;
}
