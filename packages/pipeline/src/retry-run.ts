import { type AuditContext, isCancelled } from "@cpa-payouts/core";
import { findRun, getRun, listRuns, type PaymentRun, reopenFailed } from "@cpa-payouts/db";
import type { Context } from "./context.ts";

export type RetryResult =
  /** `retried` is the number of users who are tried again; 0 when no user has failed. */
  | { readonly status: "retried"; readonly run: PaymentRun; readonly retried: number }
  /** The run was cancelled or is being cancelled; no user is tried again. */
  | { readonly status: "cancelled"; readonly run: PaymentRun }
  | { readonly status: "unknown-run" };

/**
 * Opens the failed decisions of a run again and lets the fan-out queue their jobs. A process that dies in between has opened
 * some of them; the next tick queues those, and another retry opens the others.
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
  const retried = await reopenAll(ctx, runId, audit);
  // Read again, because the run may have been cancelled since it was found.
  const run = await getRun(ctx.db, runId);
  if (isCancelled(run.state)) return { status: "cancelled", run };
  if (retried > 0) {
    ctx.log.info({ runId, paymentDate: run.paymentDate, users: retried }, "run.retried");
    await ctx.queues.ensureQueued("fan-out", [{ runId }]);
    await ctx.queues.ensureQueued("close-run", [{ runId }]);
  }
  return { status: "retried", run, retried };
}

/** One chunk after the other in key order, so that a user who fails again meanwhile is opened once. */
async function reopenAll(ctx: Context, runId: number, audit: AuditContext): Promise<number> {
  let retried = 0;
  let afterUserId: number | null = 0;
  while (afterUserId !== null) {
    const chunk = { ...audit, runId, afterUserId, limit: ctx.pace.decideChunk, now: ctx.clock() };
    const { reopened, lastUserId } = await reopenFailed(ctx.db, chunk);
    retried += reopened;
    afterUserId = lastUserId;
  }
  return retried;
}
