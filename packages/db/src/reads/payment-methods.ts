import type { PaymentMethodStatus } from "@cpa-payouts/core";
import { desc, eq, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
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

export interface MethodListing {
  readonly id: number;
  readonly externalId: string;
  readonly name: string;
  readonly binanceEmail: string;
  readonly status: PaymentMethodStatus;
  readonly reviewedBy: string | null;
  readonly reviewedAt: Date | null;
  readonly reason: string | null;
  readonly createdAt: Date;
  /** The number of other users who gave this address, ignoring case; a sign of one person with several accounts. */
  readonly sharedWith: number;
  /** The previous address, if this one replaced it; else null. */
  readonly replaces: string | null;
}

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
  const rows = await rowsOf<{
    id: bigint;
    external_id: string;
    name: string;
    binance_email: string;
    status: PaymentMethodStatus;
    reviewed_by: string | null;
    reviewed_at: string | null;
    reason: string | null;
    created_at: string;
    shared_with: number;
    replaces: string | null;
  }>(
    db,
    sql`
    select m.*, u.external_id, u.name,
      (select count(distinct o.user_id)::int from payment_methods o
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
  return rows.map((row) => ({
    id: Number(row.id),
    externalId: row.external_id,
    name: row.name,
    binanceEmail: row.binance_email,
    status: row.status,
    reviewedBy: row.reviewed_by,
    reviewedAt: row.reviewed_at === null ? null : new Date(row.reviewed_at),
    reason: row.reason,
    createdAt: new Date(row.created_at),
    sharedWith: row.shared_with,
    replaces: row.replaces,
  }));
}
