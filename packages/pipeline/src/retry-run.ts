import { type AuditContext, InputError } from "@cpa-payouts/core";
import { findRun, listRuns, type PaymentRun, reopenFailed } from "@cpa-payouts/db";
import type { Context } from "./context.ts";

/**
 * Opens the failed decisions of a run again and queues their jobs.
 *
 * @param input.paymentDate the run's date; without it, the latest run
 * @returns the run, and how many users are tried again
 * @throws InputError when there is no such run
 */
export async function retryRun(
  ctx: Context,
  { paymentDate, ...audit }: AuditContext & { paymentDate?: string },
): Promise<{ run: PaymentRun; retried: number }> {
  const run = paymentDate ? await findRun(ctx.db, paymentDate) : (await listRuns(ctx.db, { limit: 1 }))[0];
  if (!run) throw new InputError(paymentDate ? `there is no run of ${paymentDate}` : "there is no run yet");
  const userIds = await reopenFailed(ctx.db, { ...audit, runId: run.id, now: ctx.clock() });
  if (userIds.length === 0) return { run, retried: 0 };
  ctx.log.info({ runId: run.id, paymentDate: run.paymentDate, users: userIds.length }, "run.retried");
  await ctx.queues.ensureQueued(
    "create-invoice",
    userIds.map((userId) => ({ runId: run.id, userId })),
  );
  await ctx.queues.ensureQueued("close-run", [{ runId: run.id }]);
  return { run, retried: userIds.length };
}
