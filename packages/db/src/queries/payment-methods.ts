import { type PaymentMethodStatus, paymentMethodTransitions, statesBefore } from "@cpa-payouts/core";
import { and, asc, desc, eq, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { paymentMethods, users } from "../schema/index.ts";
import { arrayParam, instantParam, rowsOf } from "../sql.ts";

export interface MethodReview {
  readonly externalId: string;
  readonly to: { readonly status: "approved" } | { readonly status: "rejected"; readonly reason: string };
  readonly actor: string;
  readonly now: Date;
}

/**
 * Approves or rejects a user's latest payment method.
 *
 * @returns the address reviewed, or null when the latest method is not in a state that allows it (see
 *   {@link findLatestMethod} for what it is)
 */
export async function reviewMethod(db: Db, review: MethodReview): Promise<{ binanceEmail: string } | null> {
  const { status } = review.to;
  const reason = status === "rejected" ? review.to.reason : null;
  const reviewable = statesBefore(paymentMethodTransitions, status);
  const [row] = await rowsOf<{ binance_email: string }>(
    db,
    sql`
    with owner as (
      -- Everything that changes a user's methods holds the user's lock, so that reviews, imports and invoices take turns.
      select id from users where external_id = ${review.externalId} for no key update
    ), latest as (
      select m.id, m.user_id, m.status from payment_methods m join owner on owner.id = m.user_id
      order by m.id desc limit 1
    ), reviewed as (
      update payment_methods m set status = ${status}, reviewed_by = ${review.actor},
        reviewed_at = ${instantParam(review.now)}, reason = ${reason}
      from latest where m.id = latest.id and m.status = any(${arrayParam(reviewable, "text")})
      returning m.user_id, m.binance_email, latest.status as before
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after)
      select ${instantParam(review.now)}, ${review.actor}, ${status === "approved" ? "method.approve" : "method.reject"},
        'user:' || user_id, ${reason}, jsonb_build_object('binanceEmail', binance_email, 'status', before),
        jsonb_build_object('binanceEmail', binance_email, 'status', ${status}::text)
      from reviewed
    )
    select binance_email from reviewed`,
  );
  return row ? { binanceEmail: row.binance_email } : null;
}

/** The latest payment method of a user, or null when none was ever given. */
export async function findLatestMethod(
  db: Db,
  externalId: string,
): Promise<{ binanceEmail: string; status: PaymentMethodStatus } | null> {
  const [row] = await db
    .select({ binanceEmail: paymentMethods.binanceEmail, status: paymentMethods.status })
    .from(paymentMethods)
    .innerJoin(users, eq(users.id, paymentMethods.userId))
    .where(eq(users.externalId, externalId))
    .orderBy(desc(paymentMethods.id))
    .limit(1);
  return row ?? null;
}

export interface MethodListing {
  readonly externalId: string;
  readonly binanceEmail: string;
  readonly status: PaymentMethodStatus;
  readonly reviewedBy: string | null;
  readonly reviewedAt: Date | null;
  readonly reason: string | null;
  readonly createdAt: Date;
}

/** A page of payment methods, oldest first; `afterId` is the `id` of the last row of the page before. */
export async function methodsPage(
  db: Db,
  filter: { status?: PaymentMethodStatus; externalId?: string },
  { afterId, limit }: { afterId: number; limit: number },
): Promise<(MethodListing & { id: number })[]> {
  return db
    .select({
      id: paymentMethods.id,
      externalId: users.externalId,
      binanceEmail: paymentMethods.binanceEmail,
      status: paymentMethods.status,
      reviewedBy: paymentMethods.reviewedBy,
      reviewedAt: paymentMethods.reviewedAt,
      reason: paymentMethods.reason,
      createdAt: paymentMethods.createdAt,
    })
    .from(paymentMethods)
    .innerJoin(users, eq(users.id, paymentMethods.userId))
    .where(
      and(
        sql`${paymentMethods.id} > ${afterId}`,
        filter.status ? eq(paymentMethods.status, filter.status) : undefined,
        filter.externalId ? eq(users.externalId, filter.externalId) : undefined,
      ),
    )
    .orderBy(asc(paymentMethods.id))
    .limit(limit);
}
