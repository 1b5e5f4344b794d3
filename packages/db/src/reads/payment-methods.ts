import { type PaymentMethodStatus, paymentMethodTransitions, statesOf } from "@cpa-payouts/core";
import { desc, eq, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { count, id, instant, nullable, oneOf, type Row, text } from "../decoders.ts";
import { paymentMethods, users } from "../schema/index.ts";
import { rowsOf } from "../sql.ts";

/** The latest payment method of a user; null when there was never one. */
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

/** The number of payment methods with a status. Scans an index of those only. */
export async function countMethods(db: Db, status: PaymentMethodStatus): Promise<number> {
  return db.$count(paymentMethods, eq(paymentMethods.status, status));
}

const columns = {
  id,
  externalId: text,
  name: text,
  binanceEmail: text,
  status: oneOf(statesOf(paymentMethodTransitions)),
  reviewedBy: nullable(text),
  reviewedAt: nullable(instant),
  reason: nullable(text),
  createdAt: instant,
  sharedWith: count,
  replaces: nullable(text),
};

/**
 * A payment method. `sharedWith` is the number of other users who gave this Binance e-mail, ignoring case; a sign of one person
 * with several accounts. `replaces` is the previous Binance e-mail, if this one replaced it.
 */
export type MethodListing = Row<typeof columns>;

export interface MethodFilter {
  readonly status?: PaymentMethodStatus;
  readonly externalId?: string;
}

/** A page of payment methods, oldest first; `afterId` is the `id` of the previous page's last row. */
export async function listMethods(
  db: Db,
  { status, externalId }: MethodFilter,
  { afterId, limit }: { afterId: number; limit: number },
): Promise<MethodListing[]> {
  return rowsOf(
    db,
    columns,
    sql`
    select m.*, u.external_id, u.name,
      (select count(distinct o.user_id) from payment_methods o
        where lower(o.binance_email) = lower(m.binance_email) and o.user_id <> m.user_id) as shared_with,
      (select e.binance_email from payment_methods e
        where e.user_id = m.user_id and e.id < m.id and e.status = 'replaced' order by e.id desc limit 1) as replaces
    from (
      select * from payment_methods m
      where m.id > ${afterId} and ${status ? sql`m.status = ${status}` : sql`true`}
        and ${externalId ? sql`m.user_id = (select id from users where external_id = ${externalId})` : sql`true`}
      order by m.id limit ${limit}
    ) m join users u on u.id = m.user_id order by m.id`,
  );
}
