import { type AuditContext, paymentMethodTransitions, statesBefore } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { text } from "../decoders.ts";
import { arrayParam, instantParam, requestParams, rowsOf } from "../sql.ts";

export interface MethodReview extends AuditContext {
  readonly externalId: string;
  /** The Binance e-mail that the reviewer saw. If given, no other one is reviewed. */
  readonly binanceEmail?: string;
  readonly to: { readonly status: "approved" } | { readonly status: "rejected"; readonly reason: string };
  readonly now: Date;
}

/**
 * Approves or rejects a user's latest payment method.
 *
 * @returns the Binance e-mail reviewed; null when the user has no method, when its state does not allow the review, or when its
 *   Binance e-mail is not the one given (`findLatestMethod` returns its present state)
 */
export async function recordMethodReview(db: Db, review: MethodReview): Promise<{ binanceEmail: string } | null> {
  const { status } = review.to;
  const reason = status === "rejected" ? review.to.reason : null;
  const reviewable = statesBefore(paymentMethodTransitions, status);
  const [reviewed] = await rowsOf(
    db,
    { binanceEmail: text },
    sql`
    with owner as (
      -- Every change of a user's methods holds the user's lock, so that reviews, imports and invoices take turns.
      select id from users where external_id = ${review.externalId} for no key update
    ), latest as (
      select m.id, m.user_id, m.status, m.binance_email from payment_methods m join owner on owner.id = m.user_id
      order by m.id desc limit 1
    ), reviewed as (
      update payment_methods m set status = ${status}, reviewed_by = ${review.actor},
        reviewed_at = ${instantParam(review.now)}, reason = ${reason}
      from latest where m.id = latest.id and m.status = any(${arrayParam(reviewable, "text")})
        and latest.binance_email = coalesce(${review.binanceEmail ?? null}::text, latest.binance_email)
      returning m.user_id, m.binance_email, latest.status as before
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after, request_id, client_address)
      select ${instantParam(review.now)}, ${review.actor}, ${status === "approved" ? "method.approve" : "method.reject"},
        'user:' || user_id, ${reason}, jsonb_build_object('binanceEmail', binance_email, 'status', before),
        jsonb_build_object('binanceEmail', binance_email, 'status', ${status}::text), ${requestParams(review)}
      from reviewed
    )
    select binance_email from reviewed`,
  );
  return reviewed ?? null;
}
