import { type Disposition, InputError, type InvoiceStatus, type PaymentMethodStatus } from "@cpa-payouts/core";
import {
  findInvoiceStatuses,
  findLatestMethod,
  findUser,
  reviewInvoices as reviewInvoicesInDb,
  reviewMethod as reviewMethodInDb,
} from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

export type InvoiceVerdict =
  | { readonly status: "paid" }
  | { readonly status: "rejected"; readonly reason: string; readonly disposition: Disposition };

export interface ReviewedInvoice {
  readonly number: string;
  /** What this call did: reviewed it, or found it reviewed already, possibly otherwise. */
  readonly result: "reviewed" | "already-reviewed";
  readonly status: InvoiceStatus;
}

/**
 * Marks invoices as paid or rejects them. Only pending ones change; for the others the answer says how they stand.
 *
 * @throws InputError that names every unknown number, or when a rejection lacks its reason; nothing is changed then
 */
export async function reviewInvoices(
  ctx: DataContext,
  input: { numbers: readonly string[]; verdict: InvoiceVerdict; actor: string },
): Promise<ReviewedInvoice[]> {
  const numbers = [...new Set(input.numbers)];
  if (input.verdict.status === "rejected") requireReason(input.verdict.reason);
  const known = await findInvoiceStatuses(ctx.db, numbers);
  const problems = numbers.filter((number) => !known.has(number)).map((number) => `there is no invoice ${number}`);
  if (problems.length > 0) throw new InputError(problems.join("; "), problems);

  const now = ctx.clock();
  const reviewed = await reviewInvoicesInDb(ctx.db, { numbers, to: input.verdict, actor: input.actor, now });
  for (const number of reviewed) ctx.log.info({ invoice: number, status: input.verdict.status }, "invoice.reviewed");
  const present = await findInvoiceStatuses(ctx.db, numbers);
  return numbers.map((number) => ({
    number,
    result: reviewed.has(number) ? "reviewed" : "already-reviewed",
    status: present.get(number) ?? input.verdict.status,
  }));
}

function requireReason(reason: string): void {
  if (reason.trim() === "") throw new InputError("a rejection needs a reason: --reason TEXT");
}

export type MethodVerdict = { readonly status: "approved" } | { readonly status: "rejected"; readonly reason: string };

export interface ReviewedMethod {
  readonly result: "reviewed" | "already-reviewed";
  readonly binanceEmail: string;
  readonly status: PaymentMethodStatus;
}

/**
 * Approves or rejects a user's latest payment method.
 *
 * @throws InputError for an unknown user, a user without a method, or a rejection without a reason
 */
export async function reviewMethod(
  ctx: DataContext,
  input: { externalId: string; verdict: MethodVerdict; actor: string },
): Promise<ReviewedMethod> {
  const { externalId, verdict, actor } = input;
  if (verdict.status === "rejected") requireReason(verdict.reason);
  const user = await findUser(ctx.db, externalId);
  if (!user) throw new InputError(`there is no user ${externalId}`);
  const reviewed = await reviewMethodInDb(ctx.db, { externalId, to: verdict, actor, now: ctx.clock() });
  if (reviewed) {
    ctx.log.info({ userId: user.id, status: verdict.status }, "method.reviewed");
    return { result: "reviewed", status: verdict.status, ...reviewed };
  }
  const latest = await findLatestMethod(ctx.db, externalId);
  if (!latest) throw new InputError(`user ${externalId} has no payment method`);
  return { result: "already-reviewed", ...latest };
}
