import {
  type PaymentMethodStatus,
  paymentMethodTransitions,
  statesOf,
  type UserSort,
  type UserStatus,
  userStatuses,
} from "@cpa-payouts/core";
import { eq, inArray, type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { isConsidered } from "../decision-rule.ts";
import { cents, count, id, integer, nullable, oneOf, type Row, sumOfCents, text } from "../decoders.ts";
import { users } from "../schema/index.ts";
import { arrayParam, rowOf, rowsOf } from "../sql.ts";
import { findFewUsers, userSearch } from "./user-search.ts";

export type User = typeof users.$inferSelect;

/** The user with an external id; null if there is none. */
export async function findUser(db: Db, externalId: string): Promise<User | null> {
  const [user] = await db.select().from(users).where(eq(users.externalId, externalId));
  return user ?? null;
}

/** The external id of the user with an internal id; null if there is none. */
export async function findExternalId(db: Db, id: number): Promise<string | null> {
  const [user] = await db.select({ externalId: users.externalId }).from(users).where(eq(users.id, id));
  return user?.externalId ?? null;
}

/** Those of some external ids that users have. */
export async function listKnownExternalIds(db: Db, externalIds: readonly string[]): Promise<string[]> {
  const known = await db
    .select({ externalId: users.externalId })
    .from(users)
    .where(inArray(users.externalId, [...externalIds]));
  return known.map(({ externalId }) => externalId);
}

/** Whether there is any user. */
export async function hasUsers(db: Db): Promise<boolean> {
  const rows = await db.select({ id: users.id }).from(users).limit(1);
  return rows.length > 0;
}

const columns = {
  id,
  externalId: text,
  email: text,
  name: text,
  status: oneOf(userStatuses),
  balanceCents: cents,
  binanceEmail: nullable(text),
  paymentMethodStatus: nullable(oneOf(statesOf(paymentMethodTransitions))),
  previousInvoices: integer,
  invoiceCount: integer,
};

/** A user with the address and the status of their latest payment method; both are null if there was never one. */
export type UserListing = Row<typeof columns>;

export interface UserFilter {
  readonly status?: UserStatus;
  readonly externalId?: string;
  readonly minimumBalanceCents?: bigint;
  /** Of the latest payment method. */
  readonly methodStatus?: PaymentMethodStatus;
  /** The beginning of the external id, e-mail or name. */
  readonly search?: string;
}

export interface UserPage {
  readonly sort: UserSort;
  /** The last row of the previous page. */
  readonly after?: { readonly id: number };
  readonly limit: number;
}

/** A page of users, each with the latest payment method. */
export async function listUsers(db: Db, filter: UserFilter, page: UserPage): Promise<UserListing[]> {
  const { order, behind } = sorts[page.sort];
  const conditions = userConditions(filter, filter.search ? await searchCondition(db, filter.search) : null);
  return rowsOf(
    db,
    columns,
    sql`
    select u.*, latest.binance_email, latest.status as payment_method_status
    from (
      select * from users u
      where ${conditions} and ${page.after ? behind(page.after) : sql`true`}
      order by ${order} limit ${page.limit}
    ) u left join lateral (
      select m.binance_email, m.status from payment_methods m where m.user_id = u.id order by m.id desc limit 1
    ) latest on true
    order by ${order}`,
  );
}

async function searchCondition(db: Db, search: string): Promise<SQL> {
  const ids = await findFewUsers(db, search);
  return ids ? sql`u.id = any(${arrayParam(ids, "bigint")})` : userSearch("u", search);
}

function userConditions(filter: UserFilter, searched: SQL | null): SQL {
  const { status, externalId, minimumBalanceCents, methodStatus } = filter;
  const conditions = [
    sql`true`,
    status ? sql`u.status = ${status}` : null,
    externalId ? sql`u.external_id = ${externalId}` : null,
    minimumBalanceCents === undefined ? null : sql`u.balance_cents >= ${minimumBalanceCents}::bigint`,
    searched,
    // The first half finds the few users who have such a method at all; the second requires it to be their latest.
    methodStatus
      ? sql`u.id in (select m.user_id from payment_methods m where m.status = ${methodStatus}) and ${methodStatus} = (
          select m.status from payment_methods m where m.user_id = u.id order by m.id desc limit 1)`
      : null,
  ];
  return sql.join(
    conditions.filter((condition) => condition !== null),
    sql` and `,
  );
}

const sorts: Readonly<Record<UserSort, { order: SQL; behind: (last: { id: number }) => SQL }>> = {
  oldest: { order: sql`u.id`, behind: ({ id }) => sql`u.id > ${id}` },
  newest: { order: sql`u.id desc`, behind: ({ id }) => sql`u.id < ${id}` },
};

export interface UserTally {
  readonly status: UserStatus;
  readonly users: number;
  readonly balanceCents: bigint;
}

/** The number of users and the sum of their balances, by status. Reads all users. */
export async function tallyUsers(db: Db): Promise<UserTally[]> {
  return rowsOf(
    db,
    { status: oneOf(userStatuses), users: count, balanceCents: sumOfCents },
    sql`select status, count(*) as users, sum(balance_cents) as balance_cents from users group by status`,
  );
}

/** The number of users whom a run opened now would consider. */
export async function countUsersOwed(db: Db): Promise<number> {
  const { owed } = await rowOf(db, { owed: count }, sql`select count(*) as owed from users u where ${isConsidered}`);
  return owed;
}
