import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { arrayOf, count, nullable, oneOf, sumOfCents, text } from "../decoders.ts";
import {
  digestOf,
  type InvoiceReview,
  isForfeit,
  judged,
  owners,
  type ReviewCount,
  reviewable,
  reviewResults,
} from "../invoice-review.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

/**
 * Why a review with a preview does nothing:
 *
 * - `unknown`: there is no such preview; it may have been removed.
 * - `another-person`: another actor made it.
 * - `used`: the review of this preview was made before.
 * - `expired`: it is too old.
 * - `other-request`: it was made for another selection, verdict, disposition or reason.
 * - `set-changed`: the invoices, an amount or a result are no longer as they were shown.
 */
const previewRefusals = ["unknown", "another-person", "used", "expired", "other-request", "set-changed"] as const;
export type PreviewRefusal = (typeof previewRefusals)[number];

/** The preview that a review must agree with, stored by `insertReviewPreview`. */
export interface CommittedPreview {
  readonly tokenHash: string;
  /** Of the request that is made now. */
  readonly requestDigest: string;
}

export interface ReviewOutcome {
  /** Why nothing was done; null when the review was made. */
  readonly refusal: PreviewRefusal | null;
  readonly counts: readonly (ReviewCount & { readonly numbers: readonly string[] })[];
}

/**
 * Reviews the selected invoices that are still to be reviewed. A rejected invoice with disposition `return` gives its
 * amount back to the balance by a ledger entry, unless the balance would exceed the ceiling; with `forfeit` the amount stays taken. Above the amount of the settings
 * an invoice is paid when a second person approves it; the first approval is stored with the invoice. So is one
 * that is forfeited. A first approval stays with the reviewed invoice only if it counts for the result: given by another
 * person who may still review, for the same verdict. The audit log keeps the others.
 *
 * With a preview, its row is locked first, so that of two reviews with one preview the second finds it used. It is used
 * only if the review is made.
 *
 * @param preview the review is made only if it does what this preview showed; null for a review without one
 * @returns the results of the invoices that were still to be reviewed. For a selection by numbers each result lists its
 *   numbers; those in no result were reviewed before, or do not exist
 */
export async function recordInvoiceReview(
  db: Db,
  review: InvoiceReview,
  preview: CommittedPreview | null = null,
): Promise<ReviewOutcome> {
  const { to, actor, now } = review;
  const { reason, disposition } = to.status === "rejected" ? to : { reason: null, disposition: null };
  const rows = await rowsOf(
    db,
    {
      result: nullable(oneOf(reviewResults)),
      invoices: count,
      amountCents: sumOfCents,
      numbers: nullable(arrayOf(text)),
      refusal: nullable(oneOf(previewRefusals)),
    },
    sql`
    with ${permitted(review, preview)}, chosen as (
      ${reviewable(review)} and (select refusal is null from permit) order by i.id for no key update of i
    ), owner as (
      ${owners(review)} for no key update of u
    ), judged as (${judged(review)}), verdict as (
      select coalesce((select refusal from permit),
        case when (select set_digest from permit) <> ${digestOf} then 'set-changed' end) as refusal from judged
    ), used as (
      update review_previews p set used_at = ${instantParam(now)}
      from verdict where p.token_hash = ${preview?.tokenHash ?? null}::text and verdict.refusal is null
    ), reviewed as (
      -- All values come from the locked row. After a wait for another approval, the columns of i are first those from before it,
      -- and PostgreSQL tests the CHECKs with them before it reads the row again.
      update invoices i set
        status = case when j.result = 'reviewed' then ${to.status} else j.status end,
        reviewed_by = case when j.result = 'reviewed' then ${actor} end,
        reviewed_at = case when j.result = 'reviewed' then ${instantParam(now)} end,
        reason = case when j.result = 'reviewed' then ${reason}::text end,
        disposition = case when j.result = 'reviewed' then ${disposition}::text end,
        approved_by = case when j.result = 'approved' then ${actor} else nullif(j.agreed_by, ${actor}) end,
        approved_at = case when j.result = 'approved' then ${instantParam(now)} when j.agreed_by <> ${actor} then j.approved_at end,
        approved_to_forfeit = ${isForfeit(to)} and coalesce(j.result = 'approved' or j.agreed_by <> ${actor}, false)
      from judged j, verdict
      where i.id = j.id and j.result in ('reviewed', 'approved') and verdict.refusal is null
      returning i.id, i.number, i.user_id, i.amount_cents, j.status as before, i.status as after, j.result,
        case when i.approved_by is distinct from j.approved_by then j.approved_by end as approved_before
    ), ${givenBack(review)}, audit as (
      insert into audit_log (at, actor, action, object, reason, before, after, request_id, client_address)
      select ${instantParam(now)}, ${actor}::text,
        case when result = 'approved' then 'invoice.approve' else ${to.status === "paid" ? "invoice.pay" : "invoice.reject"} end,
        'invoice:' || number, ${reason}::text, jsonb_strip_nulls(jsonb_build_object('status', before, 'approvedBy', approved_before)),
        jsonb_strip_nulls(jsonb_build_object('status', after, 'disposition', ${disposition}::text,
          'approvedBy', case when result = 'approved' then ${actor}::text end)), ${requestParams(review)}
      from reviewed
    )
    select result, count(*) as invoices, sum(amount_cents) as amount_cents, (select refusal from verdict) as refusal,
      ${"numbers" in review.selection ? sql`array_agg(number order by id)` : sql`null`} as numbers
    from judged group by result
    union all select null, 0, 0, refusal, null from verdict`,
  );
  return {
    refusal: rows[0]?.refusal ?? null,
    counts: rows.flatMap(({ result, invoices, amountCents, numbers }) =>
      result ? [{ result, invoices, amountCents, numbers: numbers ?? [] }] : [],
    ),
  };
}

/** The CTEs that give the amounts of `reviewed` back to the balances, which `owner` has locked, when the disposition is `return`. */
function givenBack({ to, actor, now }: InvoiceReview): SQL {
  const { reason, disposition } = to.status === "rejected" ? to : { reason: null, disposition: null };
  return sql`
    returned as (
      select id, user_id, amount_cents from reviewed where ${disposition}::text = 'return'
    ), entry as (
      insert into ledger_entries (user_id, kind, amount_cents, invoice_id, note, actor, created_at)
      select user_id, 'invoice-reversal', amount_cents, id, ${reason}::text, ${actor}::text, ${instantParam(now)} from returned
    ), given_back as (
      update users u set balance_cents = u.balance_cents + r.amount_cents, updated_at = ${instantParam(now)}
      from (select user_id, sum(amount_cents) as amount_cents from returned group by user_id) r
      where u.id = r.user_id
    )`;
}

/**
 * The CTE `permit`: one row with the reason to refuse the preview, null for none, and the digest of what it showed. It is
 * read before any invoice is locked.
 */
function permitted({ actor, now }: InvoiceReview, preview: CommittedPreview | null): SQL {
  if (!preview) return sql`permit as (select null::text as refusal, null::text as set_digest)`;
  return sql`
    preview as (
      select actor, request_digest, set_digest, expires_at, used_at from review_previews
      where token_hash = ${preview.tokenHash} for no key update
    ), permit as (
      select case
          when p.actor is null then 'unknown'
          when p.actor <> ${actor} then 'another-person'
          when p.used_at is not null then 'used'
          when p.expires_at <= ${instantParam(now)} then 'expired'
          when p.request_digest <> ${preview.requestDigest} then 'other-request'
        end as refusal, p.set_digest
      from (values (1)) one left join preview p on true
    )`;
}
