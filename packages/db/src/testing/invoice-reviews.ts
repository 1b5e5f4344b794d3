import type { InvoiceReview } from "../invoice-review.ts";
import { previewInvoiceReview, type ReviewPreview } from "../reads/invoice-review-preview.ts";
import { insertReviewPreview } from "../statements/insert-review-preview.ts";
import type { CommittedPreview } from "../statements/record-invoice-review.ts";
import { updateSettings } from "../statements/update-settings.ts";
import { newToken, sha256 } from "../tokens.ts";
import { invoicedRun, openTestData, type TestData } from "./data.ts";

export const NOW = new Date("2026-12-08T10:00:00Z");

const paid = { status: "paid" } as const;
export const everything = { filter: { paymentDate: "2026-12-07" } };

/** A database with four pending invoices of a payment date: below, at and above $500.00. */
export async function openInvoicesAround500(): Promise<TestData> {
  const data = await openTestData({
    users: [
      { externalId: "small", balance: "100.00" },
      { externalId: "limit", balance: "500.00" },
      { externalId: "large", balance: "500.01" },
      { externalId: "huge", balance: "9000.00" },
    ],
  });
  await invoicedRun(data, "2026-12-07");
  return data;
}

/** From then on two people must approve an invoice above $500.00. */
export async function limitTo500({ ctx }: TestData): Promise<void> {
  await updateSettings(ctx.db, { actor: "test", twoPersonAboveCents: 500_00n, now: NOW });
}

/** A review by a person, or by a program whose name begins with `token:`; by default it marks all invoices as paid. */
export function reviewOf(
  actor: string,
  selection: InvoiceReview["selection"] = everything,
  to: InvoiceReview["to"] = paid,
): InvoiceReview {
  return { actor, isProgram: actor.startsWith("token:"), selection, to, now: NOW };
}

/**
 * Previews a review and stores that as `previewReview` does.
 *
 * @param more.expiresAt by default 15 minutes after {@link NOW}
 */
export async function storedPreview(
  { ctx }: TestData,
  review: InvoiceReview,
  { expiresAt = new Date(NOW.getTime() + 900_000), requestDigest = "request" } = {},
): Promise<CommittedPreview & ReviewPreview> {
  const preview = await previewInvoiceReview(ctx.db, review);
  const { actor, now } = review;
  const tokenHash = sha256(newToken());
  await insertReviewPreview(ctx.db, { tokenHash, actor, requestDigest, setDigest: preview.digest, now, expiresAt });
  return { ...preview, tokenHash, requestDigest };
}

/** Maps each result to its number of invoices and their sum in cents. */
export function counted(counts: readonly { result: string; invoices: number; amountCents: bigint }[]) {
  return Object.fromEntries(counts.map(({ result, invoices, amountCents }) => [result, [invoices, amountCents]]));
}
