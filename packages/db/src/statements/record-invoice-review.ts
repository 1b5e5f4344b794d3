import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { arrayOf, count, flag, nullable, oneOf, sumOfCents, text } from "../decoders.ts";
import {
  digestOf,
  type InvoiceReview,
  judged,
  type ReviewCount,
  reviewable,
  reviewResults,
} from "../invoice-review.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

export interface ReviewOutcome {
  /** Whether the set had the expected digest; if not, nothing was done. */
  readonly isExpected: boolean;
  readonly counts: readonly (ReviewCount & { readonly numbers: readonly string[] })[];
}

/**
 * Reviews the selected invoices that are still to be reviewed. A rejected invoice with disposition `return` gives its
 * amount back to the balance by a ledger entry; with `forfeit` the amount stays taken. Above the amount of the settings
 * an invoice is paid when a second person approves it; the first approval is stored with the invoice.
 *
 * @param expectedDigest the digest of `previewInvoiceReview`; if the set has changed since, nothing is done. Null skips this
 *   check
 * @returns the results of the invoices that were still to be reviewed. For a selection by numbers each result lists its
 *   numbers; those in no result were reviewed before, or do not exist
 */
export async function recordInvoiceReview(
  db: Db,
  review: InvoiceReview,
  expectedDigest: string | null = null,
): Promise<ReviewOutcome> {
  const { to, actor, now } = review;
  const reason = to.status === "rejected" ? to.reason : null;
  const disposition = to.status === "rejected" ? to.disposition : null;
  const rows = await rowsOf(
    db,
    {
      result: nullable(oneOf(reviewResults)),
      invoices: count,
      amountCents: sumOfCents,
      numbers: nullable(arrayOf(text)),
      isExpected: flag,
    },
    sql`
    with chosen as (${reviewable(review)} order by i.id for no key update of i), judged as (${judged(review)}),
    agreed as (
      select ${expectedDigest}::text is null or ${expectedDigest}::text = ${digestOf} as is_expected from judged
    ), reviewed as (
      update invoices i set
        status = case when j.result = 'reviewed' then ${to.status} else i.status end,
        reviewed_by = case when j.result = 'reviewed' then ${actor} end,
        reviewed_at = case when j.result = 'reviewed' then ${instantParam(now)} end,
        reason = case when j.result = 'reviewed' then ${reason}::text end,
        disposition = case when j.result = 'reviewed' then ${disposition}::text end,
        approved_by = case when j.result = 'approved' then ${actor} else i.approved_by end,
        approved_at = case when j.result = 'approved' then ${instantParam(now)} else i.approved_at end
      from judged j, agreed
      where i.id = j.id and j.result in ('reviewed', 'approved') and agreed.is_expected
      returning i.id, i.number, i.user_id, i.amount_cents, j.status as before, i.status as after, j.result
    ), returned as (
      select id, user_id, amount_cents from reviewed where ${disposition}::text = 'return'
    ), owner as (
      -- In key order, like every statement that locks several users.
      select id from users where id in (select user_id from returned) order by id for no key update
    ), entry as (
      insert into ledger_entries (user_id, kind, amount_cents, invoice_id, note, actor, created_at)
      select user_id, 'invoice-reversal', amount_cents, id, ${reason}::text, ${actor}::text, ${instantParam(now)} from returned
    ), given_back as (
      update users u set balance_cents = u.balance_cents + r.amount_cents, updated_at = ${instantParam(now)}
      from (select user_id, sum(amount_cents) as amount_cents from returned group by user_id) r, owner
      where u.id = r.user_id and owner.id = u.id
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after, request_id, client_address)
      select ${instantParam(now)}, ${actor}::text,
        case when result = 'approved' then 'invoice.approve' else ${to.status === "paid" ? "invoice.pay" : "invoice.reject"} end,
        'invoice:' || number, ${reason}::text, jsonb_build_object('status', before),
        jsonb_strip_nulls(jsonb_build_object('status', after, 'disposition', ${disposition}::text,
          'approvedBy', case when result = 'approved' then ${actor}::text end)), ${requestParams(review)}
      from reviewed
    )
    select result, count(*) as invoices, sum(amount_cents) as amount_cents, (select is_expected from agreed) as is_expected,
      ${"numbers" in review.selection ? sql`array_agg(number order by id)` : sql`null`} as numbers
    from judged group by result
    union all select null, 0, 0, is_expected, null from agreed`,
  );
  return {
    isExpected: rows.every(({ isExpected }) => isExpected),
    counts: rows.flatMap(({ result, invoices, amountCents, numbers }) =>
      result ? [{ result, invoices, amountCents, numbers: numbers ?? [] }] : [],
    ),
  };
}
