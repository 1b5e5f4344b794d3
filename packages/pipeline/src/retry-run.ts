import type { AuditContext } from "@cpa-payouts/core";
import { findRun, getRun, listRuns, type PaymentRun, reopenFailed } from "@cpa-payouts/db";
import type { Context } from "./context.ts";

export type RetryResult =
  /** `retried` is the number of users who are tried again; 0 when no user has failed. */
  | { readonly status: "retried"; readonly run: PaymentRun; readonly retried: number }
  /** The run was cancelled; nothing was changed. */
  | { readonly status: "cancelled"; readonly run: PaymentRun }
  | { readonly status: "unknown-run" };

/**
 * Opens the failed decisions of a run again and queues their jobs.
 *
 * @param input.paymentDate the run's date; without it, the latest run
 * @returns the run as it is now, and how many users are tried again; `unknown-run` when there is no such run
 */
export async function retryRun(
  ctx: Context,
  { paymentDate, ...audit }: AuditContext & { paymentDate?: string },
): Promise<RetryResult> {
  const found = paymentDate ? await findRun(ctx.db, paymentDate) : (await listRuns(ctx.db, { limit: 1 }))[0];
  if (!found) return { status: "unknown-run" };
  const { id: runId } = found;
  const userIds = await reopenFailed(ctx.db, { ...audit, runId, now: ctx.clock() });
  // Read again, because the run may have been cancelled since it was found.
  const run = await getRun(ctx.db, runId);
  if (userIds.length > 0) await queueAgain(ctx, run, userIds);
  else if (run.state === "cancelled") return { status: "cancelled", run };
  return { status: "retried", run, retried: userIds.length };
}

async function queueAgain(ctx: Context, { id: runId, paymentDate }: PaymentRun, userIds: readonly number[]) {
  ctx.log.info({ runId, paymentDate, users: userIds.length }, "run.retried");
  await ctx.queues.ensureQueued(
    "create-invoice",
    userIds.map((userId) => ({ runId, userId })),
  );
  await ctx.queues.ensureQueued("close-run", [{ runId }]);
}
