import type { SkipReason } from "@cpa-payouts/core";
import { createInvoices, findOutcomes, isConnectionError, recordFailure } from "@cpa-payouts/db";
import { type BatchPace, createBatcher } from "./batcher.ts";
import type { DataContext } from "./context.ts";
import { measured, type OnInvoiceBatch } from "./meter.ts";

export interface InvoiceJob {
  readonly runId: number;
  readonly userId: number;
}

export type InvoiceOutcome =
  | { readonly outcome: "invoiced"; readonly number: string }
  | { readonly outcome: "already-invoiced" }
  | { readonly outcome: "skipped"; readonly reason: SkipReason };

/**
 * Creates the handler of `create-invoice` jobs for a worker process, which runs many of them at a time. Jobs that
 * arrive within a few milliseconds share one statement; see {@link createInvoiceBatch}.
 *
 * @param onBatch called with the size and duration of each batch
 * @returns a function for one job; it resolves with the outcome of that job
 */
export function invoiceBatcher(
  ctx: DataContext,
  pace: BatchPace,
  onBatch: OnInvoiceBatch = () => {},
): (job: InvoiceJob) => Promise<InvoiceOutcome> {
  const run = (jobs: readonly InvoiceJob[]) => measured(jobs.length, onBatch, () => createInvoiceBatch(ctx, jobs));
  return createBatcher({ run, isOutage: isConnectionError, pace });
}

/**
 * Creates the invoices of some users of a run and takes exactly those amounts from their balances, after testing the
 * rule again under the users' locks. A job may run twice, concurrently and on several machines: the second run changes
 * nothing, and returns `already-invoiced` or the stored reason to skip.
 *
 * @returns the outcome of each job, in their order; an error for a user whom the run never decided to pay, so that a
 *   payload alone cannot cause a payment
 */
export async function createInvoiceBatch(
  ctx: DataContext,
  jobs: readonly InvoiceJob[],
): Promise<(InvoiceOutcome | Error)[]> {
  const outcomes = new Map<number, Map<number, InvoiceOutcome>>();
  for (const [runId, userIds] of groupByRun(jobs)) outcomes.set(runId, await invoiceUsers(ctx, runId, userIds));
  return jobs.map(
    ({ runId, userId }) =>
      outcomes.get(runId)?.get(userId) ?? new Error(`run ${runId} has no decision to pay user ${userId}`),
  );
}

function groupByRun(jobs: readonly InvoiceJob[]): Map<number, number[]> {
  const byRun = new Map<number, number[]>();
  for (const { runId, userId } of jobs) {
    const userIds = byRun.get(runId);
    if (userIds) userIds.push(userId);
    else byRun.set(runId, [userId]);
  }
  return byRun;
}

async function invoiceUsers(
  ctx: DataContext,
  runId: number,
  userIds: readonly number[],
): Promise<Map<number, InvoiceOutcome>> {
  const outcomes = new Map<number, InvoiceOutcome>();
  const created = await createInvoices(ctx.db, { runId, userIds, now: ctx.clock() });
  for (const one of created) {
    if (one.outcome === "invoiced") outcomes.set(one.userId, { outcome: "invoiced", number: one.number });
    else outcomes.set(one.userId, { outcome: "skipped", reason: one.reason });
  }
  const invoiced = created.filter(({ outcome }) => outcome === "invoiced").length;
  // One log line per batch; the audit log has a row per invoice.
  if (created.length > 0)
    ctx.log.info({ runId, invoiced, skipped: created.length - invoiced, jobs: userIds.length }, "invoices.created");
  const unsettled = userIds.filter((userId) => !outcomes.has(userId));
  if (unsettled.length > 0) await addEarlierOutcomes(ctx, runId, unsettled, outcomes);
  return outcomes;
}

async function addEarlierOutcomes(
  ctx: DataContext,
  runId: number,
  unsettled: readonly number[],
  outcomes: Map<number, InvoiceOutcome>,
): Promise<void> {
  for (const { userId, outcome, reason } of await findOutcomes(ctx.db, runId, unsettled)) {
    if (outcome === "invoiced") outcomes.set(userId, { outcome: "already-invoiced" });
    if (outcome === "skipped" && reason) outcomes.set(userId, { outcome: "skipped", reason });
  }
}

/**
 * Records that a user's job has failed for the last time. The decision becomes `failed` with the error, and the run can
 * close. A decision that was settled before is left as it is.
 */
export async function failInvoice(ctx: DataContext, { runId, userId }: InvoiceJob, error: string): Promise<void> {
  const recorded = await recordFailure(ctx.db, { runId, userId, error, now: ctx.clock() });
  if (recorded) ctx.log.error({ runId, userId, error }, "invoice.failed");
}
