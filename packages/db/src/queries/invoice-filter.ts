import { type InvoiceStatus, invoiceTransitions, statesOf } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { arrayParam, likePrefix, rowsOf } from "../sql.ts";

/** Which invoices are meant; every field given narrows it down. */
export interface InvoiceFilter {
  readonly status?: InvoiceStatus;
  readonly paymentDate?: string;
  readonly externalId?: string;
  readonly minimumAmountCents?: bigint;
  readonly maximumAmountCents?: bigint;
  /** Whether the first of two approvals is there. */
  readonly isApprovedOnce?: boolean;
  /** A whole invoice number, or how the external id, e-mail or name of the user begins. */
  readonly search?: string;
}

export const invoiceStatuses = statesOf(invoiceTransitions);

/**
 * The filter as conditions on `invoices i`.
 *
 * @param searched what stands for `filter.search`, see {@link prepareSearch}; by default the users are looked at one by one
 */
export function invoiceConditions(filter: InvoiceFilter, searched = searchCondition(filter)): SQL {
  const { status, paymentDate, externalId, minimumAmountCents, maximumAmountCents, isApprovedOnce } = filter;
  const conditions = [
    status ? sql`i.status = ${status}` : sql`true`,
    // Runs and users by scalar subqueries, so that every plan begins at an index of the invoices.
    paymentDate ? sql`i.run_id = (select id from payment_runs where payment_date = ${paymentDate}::date)` : null,
    externalId ? sql`i.user_id = (select id from users where external_id = ${externalId})` : null,
    minimumAmountCents === undefined ? null : sql`i.amount_cents >= ${minimumAmountCents}::bigint`,
    maximumAmountCents === undefined ? null : sql`i.amount_cents <= ${maximumAmountCents}::bigint`,
    isApprovedOnce === undefined ? null : sql`(i.approved_by is not null) = ${isApprovedOnce}`,
    searched,
  ];
  return sql.join(
    conditions.filter((condition) => condition !== null),
    sql` and `,
  );
}

const NUMBER = /^INV-\d{8}-\d+$/i;

function searchCondition({ search }: InvoiceFilter): SQL | null {
  if (search === undefined) return null;
  if (NUMBER.test(search)) return sql`i.number = ${search.toUpperCase()}`;
  // A scalar subquery is looked up by key for each invoice; EXISTS may be turned into a scan of all users.
  return sql`(select ${userSearch("found", search)} from users found where found.id = i.user_id)`;
}

/** Whether a user's external id, e-mail or name begins with a text, whatever its case in the latter two. */
export function userSearch(alias: string, text: string): SQL {
  return sql`(${sql.join(userSearches(alias, text), sql` or `)})`;
}

function userSearches(alias: string, text: string): SQL[] {
  const prefix = likePrefix(text);
  const lowerPrefix = likePrefix(text.toLowerCase());
  const column = (name: string) => sql.raw(`${alias}.${name}`);
  return [
    sql`${column("external_id")} like ${prefix}`,
    sql`lower(${column("email")}) like ${lowerPrefix}`,
    sql`lower(${column("name")}) like ${lowerPrefix}`,
  ];
}

/** The invoices of so many users are fetched and sorted in some milliseconds. */
const FEW_USERS = 2_000;

/** A search that is ready for a list that must be quick. */
export interface PreparedSearch {
  /** Null without a search. */
  readonly condition: SQL | null;
  /** Whether so many users fit that counting their invoices takes long. */
  readonly isBroad: boolean;
}

/**
 * Looks up whom a search fits. One that few users fit is led by their invoices; one that fits many is tested while walking
 * through the list, where a page's worth soon turns up. PostgreSQL cannot tell the two apart, since it has no idea how
 * many users a beginning fits.
 */
export async function prepareSearch(db: Db, filter: InvoiceFilter): Promise<PreparedSearch> {
  const { search } = filter;
  if (search === undefined || NUMBER.test(search)) return { condition: searchCondition(filter), isBroad: false };
  const users = await rowsOf<{ id: bigint }>(
    db,
    // Each by its own index, and none further than it takes to see that they are many.
    sql`${sql.join(
      userSearches("u", search).map(
        (condition) => sql`(select u.id from users u where ${condition} limit ${FEW_USERS + 1})`,
      ),
      sql` union `,
    )}`,
  );
  if (users.length > FEW_USERS) return { condition: searchCondition(filter), isBroad: true };
  const ids = users.map(({ id }) => Number(id));
  return { condition: sql`i.user_id = any(${arrayParam(ids, "bigint")})`, isBroad: false };
}
