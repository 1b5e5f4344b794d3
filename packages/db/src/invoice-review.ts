import {
  type AuditContext,
  CEILING_CENTS,
  type Disposition,
  invoiceTransitions,
  statesBefore,
} from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import { hasNewPower } from "./guarded-state.ts";
import { type InvoiceFilter, invoiceConditions } from "./reads/invoice-filter.ts";
import { arrayParam, instantParam } from "./sql.ts";

export type InvoiceSelection =
  | { readonly numbers: readonly string[] }
  /** All that match a filter, however many. */
  | { readonly filter: InvoiceFilter };

export type InvoiceVerdict =
  | { readonly status: "paid" }
  | { readonly status: "rejected"; readonly reason: string; readonly disposition: Disposition };

export interface InvoiceReview extends AuditContext {
  readonly selection: InvoiceSelection;
  readonly to: InvoiceVerdict;
  /** Whether the reviewer is a program. Programs cannot approve an invoice that needs two people, and cannot forfeit. */
  readonly isProgram: boolean;
  readonly now: Date;
}

/**
 * What a review does to an invoice that is still to be reviewed:
 *
 * - `reviewed`: the invoice is now paid or rejected.
 * - `approved`: the first of the two approvals that it needs is now recorded; it replaces one for another verdict.
 * - `same-person`: unchanged, because its first approval came from the same person.
 * - `new-power`: unchanged, because the invoice needs two people, and another person gave the reviewer their account, password or
 *   role within a day (`NEW_POWER_MS`) and may be using the account.
 * - `needs-a-person`: unchanged, because the reviewer is a program, and the invoice needs two people or would be forfeited.
 * - `above-ceiling`: unchanged, because returning it, with those of the same user before it, would lift the balance above the
 *   ceiling (`CEILING_CENTS`), or its amount alone is above it.
 */
export const reviewResults = [
  "reviewed",
  "approved",
  "same-person",
  "new-power",
  "needs-a-person",
  "above-ceiling",
] as const;
export type ReviewResult = (typeof reviewResults)[number];

export interface ReviewCount {
  readonly result: ReviewResult;
  readonly invoices: number;
  readonly amountCents: bigint;
}

/** The selection of a review as an SQL condition on `invoices i`. */
export function selected(selection: InvoiceSelection): SQL {
  if ("numbers" in selection) return sql`i.number = any(${arrayParam(selection.numbers, "text")})`;
  return invoiceConditions(selection.filter);
}

/** An SQL condition on `invoices i`: the present status allows the verdict of the review. */
export function isReviewable({ to }: InvoiceReview): SQL {
  return sql`(i.status = any(${arrayParam(statesBefore(invoiceTransitions, to.status), "text")}))`;
}

/**
 * An SQL condition on `invoices i`: the first approver is an administrator who may not review any more. Approvers of the
 * command line are no administrators, and keep their approvals.
 */
const lostApprover = sql`exists (
  select from admins a where a.email = lower(i.approved_by) and (a.disabled_at is not null or a.role = 'viewer'))`;

/**
 * A SELECT of the selected invoices that are still to be reviewed; a statement names it `chosen`. `agreed_by` is the first
 * approver if that approval counts for this verdict: who approved a payment has not approved a forfeit, and the approval of
 * an administrator who has been disabled or has become a viewer since counts for nothing.
 */
export function reviewable(review: InvoiceReview): SQL {
  const { to } = review;
  const agrees = to.status === "paid" || isForfeit(to) ? sql`i.approved_to_forfeit = ${isForfeit(to)}` : sql`false`;
  return sql`
    select i.id, i.number, i.user_id, i.status, i.amount_cents, i.approved_by, i.approved_at,
      case when ${agrees} and not ${lostApprover} then i.approved_by end as agreed_by
    from invoices i
    where ${selected(review.selection)} and ${isReviewable(review)}`;
}

/** Whether a verdict takes an amount from a user for good. */
export function isForfeit(verdict: InvoiceVerdict): boolean {
  return verdict.status === "rejected" && verdict.disposition === "forfeit";
}

/**
 * A SELECT of the users to whom a review returns amounts of `chosen`, with their balances; a statement names it `owner`. It is
 * in key order, like every statement that locks several users.
 */
export function owners({ to }: InvoiceReview): SQL {
  return sql`
    select id, balance_cents from users
    where ${isReturn(to)}::boolean and id in (select user_id from chosen) order by id`;
}

function isReturn(verdict: InvoiceVerdict): boolean {
  return verdict.status === "rejected" && !isForfeit(verdict);
}

/**
 * The two-person rule and the ceiling of balances as a SELECT, which adds the column `result` to the rows of `chosen`; a
 * rejection that returns amounts reads `owner`. Preview and review use this one expression.
 */
export function judged({ to, actor, isProgram, now }: InvoiceReview): SQL {
  if (isReturn(to)) return judgedByCeiling;
  const forfeits = isForfeit(to);
  const isNew = sql`exists (select from admins n where n.email = lower(${actor}) and ${hasNewPower("n", instantParam(now))})`;
  return sql`
    select c.*, case
      when ${forfeits && isProgram}::boolean then 'needs-a-person'
      when s.two_person_above_cents is null or c.amount_cents <= s.two_person_above_cents then 'reviewed'
      when ${isProgram}::boolean then 'needs-a-person'
      when ${isNew} then 'new-power'
      when c.agreed_by is null then 'approved'
      when c.agreed_by = ${actor} then 'same-person'
      else 'reviewed'
    end as result
    from chosen c cross join settings s`;
}

const ceiling = sql.raw(`${CEILING_CENTS}`);

/**
 * Of several invoices of a user, the first ones are given back as far as they fit together. The balances are rows before the
 * invoices, and one running sum goes over both: without fresh statistics, PostgreSQL would compare every row of a join of
 * `chosen` and `owner` with every other (four minutes for 60,000 invoices, instead of 0.6 seconds). The columns of both are in
 * the order of {@link reviewable}.
 */
const judgedByCeiling = sql`
  select *, case when amount_cents <= ${ceiling} and balance_after <= ${ceiling} then 'reviewed' else 'above-ceiling' end as result
  from (
    select *, sum(amount_cents) over (partition by user_id order by id nulls first) as balance_after from (
      select * from chosen
      union all select null, null, id, null, balance_cents, null, null, null from owner
    ) summands
  ) summed
  where id is not null`;

/** The digest of all rows of `judged`; it differs as soon as one invoice, amount or result differs. */
export const digestOf = sql`encode(sha256(convert_to(coalesce(string_agg(id || ':' || amount_cents || ':' || result, ',' order by id), ''), 'UTF8')), 'hex')`;
