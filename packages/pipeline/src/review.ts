import {
  type AuditContext,
  InputError,
  type InvoiceStatus,
  type PaymentMethodStatus,
  retryWithBackoff,
} from "@cpa-payouts/core";
import {
  findInvoiceStatuses,
  findLatestMethod,
  findUser,
  type InvoiceReview,
  type InvoiceSelection,
  type InvoiceVerdict,
  insertReviewPreview,
  isConflict,
  newToken,
  type PreviewRefusal,
  previewInvoiceReview,
  type ReviewCount,
  type ReviewOutcome,
  type ReviewPreview,
  type ReviewResult,
  recordInvoiceReview,
  recordMethodReview,
  sha256,
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
  readonly selection: InvoiceSelection;
  readonly verdict: InvoiceVerdict;
  /** Whether a program makes the request. A program cannot give one of two required approvals. */
  readonly isProgram?: boolean;
}

export type InvoiceReviewResult =
  | {
      readonly status: "done";
      /** What was done with the invoices that were still to be reviewed. */
      readonly counts: readonly ReviewCount[];
      /** For a selection by numbers, each distinct number in order; for a filter, empty. */
      readonly invoices: readonly ReviewedInvoice[];
    }
  /** The preview does not permit this review; nothing was changed. */
  | { readonly status: "refused"; readonly refusal: PreviewRefusal };

/** A preview that {@link reviewInvoices} accepts once. */
export interface CommittablePreview extends ReviewPreview {
  /** 256 random bits; only their hash is stored. */
  readonly token: string;
  readonly expiresAt: Date;
}

/** As long as a confirmed password: what was shown longer ago must be looked at again. */
const PREVIEW_LIFE_MS = 15 * 60 * 1_000;

/**
 * Counts what a review of the selected invoices would do; writes nothing.
 *
 * @throws InputError as {@link reviewInvoices}
 */
export async function countReview(ctx: DataContext, input: ReviewRequest): Promise<ReviewPreview> {
  return previewInvoiceReview(ctx.db, await toReview(ctx, input));
}

/**
 * Counts what a review of the selected invoices would do, and stores that for {@link reviewInvoices}; changes no invoice.
 *
 * @returns the counts, and the token that lets the same person make exactly this review once, within 15 minutes
 * @throws InputError as {@link reviewInvoices}
 */
export async function previewReview(ctx: DataContext, input: ReviewRequest): Promise<CommittablePreview> {
  const review = await toReview(ctx, input);
  const preview = await previewInvoiceReview(ctx.db, review);
  const token = newToken();
  const { actor, now } = review;
  const expiresAt = new Date(now.getTime() + PREVIEW_LIFE_MS);
  const digests = { requestDigest: digestOfRequest(review), setDigest: preview.digest };
  await insertReviewPreview(ctx.db, { tokenHash: sha256(token), actor, ...digests, now, expiresAt });
  return { ...preview, token, expiresAt };
}

/**
 * Marks the selected invoices as paid or rejects them. Only pending ones change.
 *
 * @param input.token from {@link previewReview}; the review is made only if the same person requested the same there, and
 *   it does exactly what was shown. Without a token the review is made without a preview
 * @throws InputError that names every unknown number, or when a rejection lacks its reason; nothing is changed then
 */
export async function reviewInvoices(
  ctx: DataContext,
  { token, ...input }: ReviewRequest & { token?: string },
): Promise<InvoiceReviewResult> {
  const review = await toReview(ctx, input);
  const preview = token === undefined ? null : { tokenHash: sha256(token), requestDigest: digestOfRequest(review) };
  const outcome = await recordInvoiceReview(ctx.db, review, preview);
  const { refusal, counts } = outcome;
  if (refusal) {
    ctx.log.warn({ refusal, requestId: input.requestId }, "invoices.review-refused");
    return { status: "refused", refusal };
  }
  logReview(ctx, review.to, counts);
  return {
    status: "done",
    counts: counts.map(({ result, invoices, amountCents }) => ({ result, invoices, amountCents })),
    invoices: await reviewedInvoices(ctx, review, outcome),
  };
}

/** Identifies what a person requested, independent of the order of numbers and of the fields of a filter. */
function digestOfRequest({ selection, to, isProgram }: InvoiceReview): string {
  const chosen = "numbers" in selection ? [...selection.numbers].sort() : sortedEntries(selection.filter);
  const request = [chosen, sortedEntries(to), isProgram];
  return sha256(JSON.stringify(request, (_key, value) => (typeof value === "bigint" ? `${value} cents` : value)));
}

function sortedEntries(fields: object): (readonly [name: string, value: unknown])[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

async function toReview(ctx: DataContext, { verdict, isProgram = false, selection, ...audit }: ReviewRequest) {
  if (verdict.status === "rejected") requireReason(verdict.reason);
  return { ...audit, to: verdict, isProgram, selection: await knownSelection(ctx, selection), now: ctx.clock() };
}

/** One line per review, whatever its size: the audit log has the numbers. */
function logReview({ log }: DataContext, { status }: InvoiceVerdict, counts: readonly ReviewCount[]): void {
  if (counts.length === 0) return;
  const invoices = Object.fromEntries(counts.map(({ result, invoices }) => [result, invoices]));
  log.info({ status, ...invoices }, "invoices.reviewed");
}

async function reviewedInvoices(
  ctx: DataContext,
  { selection, to }: InvoiceReview,
  { counts }: ReviewOutcome,
): Promise<ReviewedInvoice[]> {
  if (!("numbers" in selection)) return [];
  const results = new Map(counts.flatMap(({ result, numbers }) => numbers.map((number) => [number, result] as const)));
  const present = await findInvoiceStatuses(ctx.db, selection.numbers);
  return selection.numbers.map((number) => ({
    number,
    result: results.get(number) ?? "already-reviewed",
    status: present.get(number) ?? to.status,
  }));
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

/**
 * Returns the reason of a rejection.
 *
 * @param how how the caller gives a reason, for the message
 * @throws InputError when there is none
 */
export function requireReason(reason: string | undefined, how = ""): string {
  if (!reason?.trim()) throw new InputError(`a rejection needs a reason${how}`);
  return reason;
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
 * A review that waited for an import sees the methods from before it. It then fails without any effect if the import added
 * one; the next attempt sees that.
 */
const METHOD_PATIENCE = { attempts: 5, pauseMs: 30, isWorthRetrying: isConflict };

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
  if (verdict.status === "rejected") requireReason(verdict.reason);
  const user = await findUser(ctx.db, externalId);
  if (!user) return { status: "unknown-user" };
  const record = () => recordMethodReview(ctx.db, { ...review, to: verdict, now: ctx.clock() });
  const reviewed = await retryWithBackoff(record, METHOD_PATIENCE);
  if (reviewed) {
    ctx.log.info({ userId: user.id, status: verdict.status }, "method.reviewed");
    return { status: "reviewed", method: { status: verdict.status, ...reviewed } };
  }
  const latest = await findLatestMethod(ctx.db, externalId);
  return latest ? { status: "already-reviewed", method: latest } : { status: "no-method" };
}
