import type { InvoiceStatus } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { count, nullable, oneOf, sumOfCents, text } from "../decoders.ts";
import {
  digestOf,
  type InvoiceReview,
  isReviewable,
  judged,
  owners,
  type ReviewCount,
  reviewable,
  reviewResults,
  selected,
} from "../invoice-review.ts";
import { rowsOf } from "../sql.ts";
import { invoiceStatuses } from "./invoice-filter.ts";

export interface ReviewPreview {
  readonly counts: readonly ReviewCount[];
  /** Selected invoices that were reviewed before, by status. */
  readonly alreadyReviewed: readonly { readonly status: InvoiceStatus; readonly invoices: number }[];
  /** Identifies exactly these invoices, amounts and results. */
  readonly digest: string;
}

/** Counts what a review would do, and computes the digest of the invoices it would apply to. Writes nothing. */
export async function previewInvoiceReview(db: Db, review: InvoiceReview): Promise<ReviewPreview> {
  const rows = await rowsOf(
    db,
    { result: nullable(oneOf(reviewResults)), invoices: count, amountCents: sumOfCents, digest: text },
    sql`
    with chosen as (${reviewable(review)}), owner as (${owners(review)}), judged as (${judged(review)}), whole as (select ${digestOf} as digest from judged)
    select result, count(*) as invoices, sum(amount_cents) as amount_cents, (select digest from whole) as digest
    from judged group by result
    union all select null, 0, 0, digest from whole`,
  );
  const reviewed = await rowsOf(
    db,
    { status: oneOf(invoiceStatuses), invoices: count },
    sql`
    select i.status, count(*) as invoices from invoices i
    where ${selected(review.selection)} and not ${isReviewable(review)} group by i.status`,
  );
  return {
    counts: rows.flatMap(({ result, invoices, amountCents }) => (result ? [{ result, invoices, amountCents }] : [])),
    alreadyReviewed: reviewed,
    digest: rows[0]?.digest ?? "",
  };
}
