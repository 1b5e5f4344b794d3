import type { SkipReason } from "@cpa-payouts/core";
import { createInvoices, findOutcomes, recordFailure } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

export interface InvoiceJob {
  readonly runId: number;
  readonly userId: number;
}

export type InvoiceOutcome =
  | { readonly outcome: "invoiced"; readonly number: string }
  | { readonly outcome: "already-invoiced" }
  | { readonly outcome: "skipped"; readonly reason: SkipReason };

/**
 * Creates one user's invoice for a run and takes exactly that balance, after testing again under the user's lock. It
 * may run twice, at the same time, on several machines: whoever comes second is told what the first one did.
 *
 * @throws Error when the run never decided to pay this user; no payload can make it pay anybody else
 */
export async function createInvoice(ctx: DataContext, job: InvoiceJob): Promise<InvoiceOutcome> {
  const { runId, userId } = job;
  const [created] = await createInvoices(ctx.db, { runId, userIds: [userId], now: ctx.clock() });
  if (!created) return earlierOutcome(ctx, job);
  if (created.outcome === "skipped") {
    ctx.log.info({ runId, userId, reason: created.reason }, "user.skipped");
    return { outcome: "skipped", reason: created.reason };
  }
  ctx.log.info({ runId, userId, invoice: created.number }, "invoice.created");
  return { outcome: "invoiced", number: created.number };
}

async function earlierOutcome(ctx: DataContext, { runId, userId }: InvoiceJob): Promise<InvoiceOutcome> {
  const [decision] = await findOutcomes(ctx.db, runId, [userId]);
  if (decision?.outcome === "invoiced") return { outcome: "already-invoiced" };
  if (decision?.outcome === "skipped" && decision.reason) return { outcome: "skipped", reason: decision.reason };
  throw new Error(`run ${runId} has no decision to pay user ${userId}`);
}

/** Records that a user's job gave up: the run goes on and closes without them, and the reason can be read. */
export async function failInvoice(ctx: DataContext, { runId, userId }: InvoiceJob, error: string): Promise<void> {
  const recorded = await recordFailure(ctx.db, { runId, userId, error, now: ctx.clock() });
  if (recorded) ctx.log.error({ runId, userId, error }, "invoice.failed");
}
