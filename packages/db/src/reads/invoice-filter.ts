import { type InvoiceStatus, invoiceTransitions, statesOf } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { arrayParam } from "../sql.ts";
import { findFewUsers, userSearch } from "./user-search.ts";

/** Selects invoices; every field given narrows the selection. */
export interface InvoiceFilter {
  readonly status?: InvoiceStatus;
  readonly paymentDate?: string;
  readonly externalId?: string;
  readonly minimumAmountCents?: bigint;
  readonly maximumAmountCents?: bigint;
  /** Whether the first of two approvals has been given. */
  readonly isApprovedOnce?: boolean;
  /** A whole invoice number, or the beginning of the user's external id, e-mail or name. */
  readonly search?: string;
}

export const invoiceStatuses = statesOf(invoiceTransitions);

/**
 * Returns the filter as an SQL condition on `invoices i`.
 *
 * @param searched the condition for `filter.search`, see {@link prepareSearch}; by default the user of each invoice is
 *   looked up
 */
export function invoiceConditions(filter: InvoiceFilter, searched = searchCondition(filter)): SQL {
  const { status, paymentDate, externalId, minimumAmountCents, maximumAmountCents, isApprovedOnce } = filter;
  const conditions = [
    status ? sql`i.status = ${status}` : sql`true`,
    // Runs and users are read by scalar subqueries, so that every plan starts from an index of the invoices.
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
  // A scalar subquery looks the user up by key for each invoice; EXISTS may be turned into a scan of all users.
  return sql`(select ${userSearch("found", search)} from users found where found.id = i.user_id)`;
}

/** The search of a filter, prepared for a list that must be quick. */
export interface PreparedSearch {
  /** An SQL condition on `invoices i`; null without a search. */
  readonly condition: SQL | null;
  /** Whether too many users match to count their invoices quickly. */
  readonly isBroad: boolean;
}

/**
 * Looks up the users that a search matches. If they are few, the list starts from their invoices. If they are many, the list
 * scans invoices and tests each, and a page fills soon.
 */
export async function prepareSearch(db: Db, filter: InvoiceFilter): Promise<PreparedSearch> {
  const { search } = filter;
  if (search === undefined || NUMBER.test(search)) return { condition: searchCondition(filter), isBroad: false };
  const ids = await findFewUsers(db, search);
  if (!ids) return { condition: searchCondition(filter), isBroad: true };
  return { condition: sql`i.user_id = any(${arrayParam(ids, "bigint")})`, isBroad: false };
}
