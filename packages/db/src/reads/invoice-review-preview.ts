import type { InvoiceStatus } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import {
  digestOf,
  type InvoiceReview,
  isReviewable,
  judged,
  type ReviewCount,
  type ReviewResult,
  reviewable,
  selected,
} from "../invoice-review.ts";
import { rowsOf } from "../sql.ts";

export interface ReviewPreview {
  readonly counts: readonly ReviewCount[];
  /** Selected invoices that were reviewed before, by status. */
  readonly alreadyReviewed: readonly { readonly status: InvoiceStatus; readonly invoices: number }[];
  /** Identifies exactly these invoices, amounts and results. */
  readonly digest: string;
}

/** Counts what a review would do, and computes the digest of the invoices it would apply to. Writes nothing. */
export async function previewInvoiceReview(db: Db, review: InvoiceReview): Promise<ReviewPreview> {
  const rows = await rowsOf<{ result: ReviewResult | null; invoices: number; amount: bigint; digest: string }>(
    db,
    sql`
    with chosen as (${reviewable(review)}), judged as (${judged(review)}), whole as (select ${digestOf} as digest from judged)
    select result, count(*)::int as invoices, sum(amount_cents)::bigint as amount, (select digest from whole) as digest
    from judged group by result
    union all select null, 0, 0, digest from whole`,
  );
  const reviewed = await rowsOf<{ status: InvoiceStatus; invoices: number }>(
    db,
    sql`
    select i.status, count(*)::int as invoices from invoices i
    where ${selected(review.selection)} and not ${isReviewable(review)} group by i.status`,
  );
  return {
    counts: rows.flatMap(({ result, invoices, amount }) => (result ? [{ result, invoices, amountCents: amount }] : [])),
    alreadyReviewed: reviewed,
    digest: rows[0]?.digest ?? "",
  };
}
