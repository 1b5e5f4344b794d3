import type { PaymentMethodStatus, UserStatus } from "@cpa-payouts/core";
import { and, asc, desc, eq, gte, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { paymentMethods, users } from "../schema/index.ts";

export type User = typeof users.$inferSelect;

export async function findUser(db: Db, externalId: string): Promise<User | null> {
  const [user] = await db.select().from(users).where(eq(users.externalId, externalId));
  return user ?? null;
}

/** Whether there is any user at all. */
export async function hasUsers(db: Db): Promise<boolean> {
  const rows = await db.select({ id: users.id }).from(users).limit(1);
  return rows.length > 0;
}

export interface UserListing {
  readonly externalId: string;
  readonly email: string;
  readonly name: string;
  readonly status: UserStatus;
  readonly balanceCents: bigint;
  readonly binanceEmail: string | null;
  readonly paymentMethodStatus: PaymentMethodStatus | null;
  readonly previousInvoices: number;
  readonly invoiceCount: number;
}

export interface UserFilter {
  readonly status?: UserStatus;
  readonly externalId?: string;
  readonly minimumBalanceCents?: bigint;
  readonly methodStatus?: PaymentMethodStatus;
}

/** A page of users in the order they were added, each with the latest payment method; `afterId` as in the other pages. */
export async function usersPage(
  db: Db,
  filter: UserFilter,
  { afterId, limit }: { afterId: number; limit: number },
): Promise<(UserListing & { id: number })[]> {
  const latest = db
    .select({ binanceEmail: paymentMethods.binanceEmail, status: paymentMethods.status })
    .from(paymentMethods)
    .where(eq(paymentMethods.userId, users.id))
    .orderBy(desc(paymentMethods.id))
    .limit(1)
    .as("latest");
  return db
    .select({
      id: users.id,
      externalId: users.externalId,
      email: users.email,
      name: users.name,
      status: users.status,
      balanceCents: users.balanceCents,
      binanceEmail: latest.binanceEmail,
      paymentMethodStatus: latest.status,
      previousInvoices: users.previousInvoices,
      invoiceCount: users.invoiceCount,
    })
    .from(users)
    .leftJoinLateral(latest, sql`true`)
    .where(
      and(
        sql`${users.id} > ${afterId}`,
        filter.status ? eq(users.status, filter.status) : undefined,
        filter.externalId ? eq(users.externalId, filter.externalId) : undefined,
        filter.minimumBalanceCents === undefined ? undefined : gte(users.balanceCents, filter.minimumBalanceCents),
        filter.methodStatus ? eq(latest.status, filter.methodStatus) : undefined,
      ),
    )
    .orderBy(asc(users.id))
    .limit(limit);
}
