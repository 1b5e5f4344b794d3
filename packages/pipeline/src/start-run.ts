import { type AuditContext, defined, type PaymentDate, type RunTrigger } from "@cpa-payouts/core";
import { openRun, type PaymentRun } from "@cpa-payouts/db";
import type { Context } from "./context.ts";
import { resumeByHand } from "./resume-by-hand.ts";
import { resumeRun } from "./resume-run.ts";

/**
 * Opens the run of a payment date, or takes up the existing one, and makes sure that its next step is queued. Taking one up
 * by hand has an audit row of its own.
 *
 * @returns the new or existing run; a finished one is left as it is
 */
export async function startRun(
  ctx: Context,
  input: AuditContext & { date: PaymentDate; trigger: RunTrigger },
): Promise<PaymentRun> {
  const { actor, requestId, clientAddress } = input;
  const { run, opened } = await openRun(ctx.db, { ...input, policy: ctx.policy, now: ctx.clock() });
  if (opened) {
    const { id: runId, paymentDate, kind, trigger } = run;
    ctx.log.info({ runId, paymentDate, kind, trigger }, "run.opened");
  }
  if (opened || input.trigger !== "manual") await resumeRun(ctx, run);
  else await resumeByHand(ctx, run, defined({ actor, requestId, clientAddress }));
  return run;
}
