import { type AuditContext, InputError, type InvoiceStatus, type PaymentMethodStatus } from "@cpa-payouts/core";
import {
  findInvoiceStatuses,
  findLatestMethod,
  findUser,
  type InvoiceSelection,
  type InvoiceVerdict,
  previewInvoiceReview,
  type ReviewCount,
  type ReviewPreview,
  type ReviewResult,
  recordInvoiceReview,
  recordMethodReview,
} from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

export interface ReviewedInvoice {
  readonly number: string;
  /** What this call did with the invoice, or why it left it unchanged. */
  readonly result: ReviewResult | "already-reviewed";
  readonly status: InvoiceStatus;
}

/** A request to review invoices. */
export interface ReviewRequest extends AuditContext {
  readonly verdict: InvoiceVerdict;
  /** Whether a program makes the request. A program cannot give one of two required approvals. */
  readonly isProgram?: boolean;
}

/**
 * Marks invoices as paid or rejects them. Only pending ones change; for the others the result has their present status.
 *
 * @returns one result per distinct number, in order
 * @throws InputError that names every unknown number, or when a rejection lacks its reason; nothing is changed then
 */
export async function reviewInvoices(
  ctx: DataContext,
  input: ReviewRequest & { numbers: readonly string[] },
): Promise<ReviewedInvoice[]> {
  const numbers = [...new Set(input.numbers)];
  requireReason(input.verdict);
  await requireKnown(ctx, numbers);
  const { counts } = await recordInvoiceReview(ctx.db, toReview(ctx, input, { numbers }));
  const results = new Map(counts.flatMap(({ result, numbers }) => numbers.map((number) => [number, result] as const)));
  for (const [number, result] of results)
    ctx.log.info({ invoice: number, status: input.verdict.status, result }, "invoice.reviewed");
  const present = await findInvoiceStatuses(ctx.db, numbers);
  return numbers.map((number) => ({
    number,
    result: results.get(number) ?? "already-reviewed",
    status: present.get(number) ?? input.verdict.status,
  }));
}

/**
 * Counts what a review of the selected invoices would do; writes nothing. The digest in the result limits
 * {@link commitReview} to exactly this set.
 *
 * @throws InputError as {@link reviewInvoices}
 */
export async function previewReview(
  ctx: DataContext,
  input: ReviewRequest & { selection: InvoiceSelection },
): Promise<ReviewPreview> {
  requireReason(input.verdict);
  const selection = await knownSelection(ctx, input.selection);
  return previewInvoiceReview(ctx.db, toReview(ctx, input, selection));
}

/**
 * Reviews the selected invoices, all of them or none: if the set, an amount or a result differs from what was previewed,
 * nothing is changed.
 *
 * @returns the counts of what was done, or `set-changed`
 * @throws InputError as {@link reviewInvoices}
 */
export async function commitReview(
  ctx: DataContext,
  input: ReviewRequest & { selection: InvoiceSelection; digest: string },
): Promise<{ status: "done"; counts: readonly ReviewCount[] } | { status: "set-changed" }> {
  requireReason(input.verdict);
  const selection = await knownSelection(ctx, input.selection);
  const outcome = await recordInvoiceReview(ctx.db, toReview(ctx, input, selection), input.digest);
  if (!outcome.isExpected) return { status: "set-changed" };
  const counts = outcome.counts.map(({ result, invoices, amountCents }) => ({ result, invoices, amountCents }));
  for (const { result, invoices } of counts)
    ctx.log.info({ invoices, status: input.verdict.status, result }, "invoices.reviewed");
  return { status: "done", counts };
}

function toReview(
  ctx: DataContext,
  { verdict, isProgram = false, ...audit }: ReviewRequest,
  selection: InvoiceSelection,
) {
  return { ...audit, to: verdict, isProgram, selection, now: ctx.clock() };
}

async function knownSelection(ctx: DataContext, selection: InvoiceSelection): Promise<InvoiceSelection> {
  if ("filter" in selection) return selection;
  const numbers = [...new Set(selection.numbers)];
  await requireKnown(ctx, numbers);
  return { numbers };
}

async function requireKnown(ctx: DataContext, numbers: readonly string[]): Promise<void> {
  const known = await findInvoiceStatuses(ctx.db, numbers);
  const problems = numbers.filter((number) => !known.has(number)).map((number) => `there is no invoice ${number}`);
  if (problems.length > 0) throw new InputError(problems.join("; "), problems);
}

function requireReason(verdict: { readonly status: string; readonly reason?: string }): void {
  if (verdict.status === "rejected" && !verdict.reason?.trim()) throw new InputError("a rejection needs a reason");
}

export type MethodVerdict = { readonly status: "approved" } | { readonly status: "rejected"; readonly reason: string };

export type MethodReviewResult =
  /** `method` is the latest payment method as it is now. */
  | { readonly status: "reviewed" | "already-reviewed"; readonly method: LatestMethod }
  | { readonly status: "unknown-user" }
  | { readonly status: "no-method" };

interface LatestMethod {
  readonly binanceEmail: string;
  readonly status: PaymentMethodStatus;
}

/**
 * Approves or rejects a user's latest payment method.
 *
 * @param input.binanceEmail the Binance e-mail that the reviewer saw; if the latest method has another one by now, nothing
 *   changes
 * @returns the latest method, with `already-reviewed` when nothing was changed; otherwise why there is none
 * @throws InputError for a rejection without a reason
 */
export async function reviewMethod(
  ctx: DataContext,
  input: AuditContext & { externalId: string; verdict: MethodVerdict; binanceEmail?: string },
): Promise<MethodReviewResult> {
  const { verdict, ...review } = input;
  const { externalId } = review;
  requireReason(verdict);
  const user = await findUser(ctx.db, externalId);
  if (!user) return { status: "unknown-user" };
  const reviewed = await recordMethodReview(ctx.db, { ...review, to: verdict, now: ctx.clock() });
  if (reviewed) {
    ctx.log.info({ userId: user.id, status: verdict.status }, "method.reviewed");
    return { status: "reviewed", method: { status: verdict.status, ...reviewed } };
  }
  const latest = await findLatestMethod(ctx.db, externalId);
  return latest ? { status: "already-reviewed", method: latest } : { status: "no-method" };
}
