import type { Disposition, InvoiceStatus } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { invoices } from "../schema/index.ts";
import { arrayParam, rowsOf } from "../sql.ts";
import {
  type InvoiceFilter,
  invoiceConditions,
  invoiceStatuses,
  type PreparedSearch,
  prepareSearch,
} from "./invoice-filter.ts";

export interface InvoiceListing {
  readonly id: number;
  readonly number: string;
  readonly runId: number;
  readonly userId: number;
  readonly externalId: string;
  readonly email: string;
  readonly name: string;
  readonly paymentDate: string;
  readonly amountCents: bigint;
  readonly currency: string;
  readonly destination: string;
  readonly status: InvoiceStatus;
  readonly approvedBy: string | null;
  readonly approvedAt: Date | null;
  readonly reviewedBy: string | null;
  readonly reviewedAt: Date | null;
  readonly reason: string | null;
  readonly disposition: Disposition | null;
  readonly createdAt: Date;
}

export const invoiceSorts = ["newest", "oldest", "largest", "smallest"] as const;

export type InvoiceSort = (typeof invoiceSorts)[number];

export interface InvoicePage {
  readonly sort: InvoiceSort;
  /** The last row of the previous page. */
  readonly after?: { readonly id: number; readonly amountCents: bigint };
  readonly limit: number;
}

/**
 * A page of the invoices that match a filter. Pages continue after a key, so new invoices never shift the later pages.
 *
 * @param search the result of {@link prepareSearch}, for callers that have already computed it
 */
export async function listInvoices(
  db: Db,
  filter: InvoiceFilter,
  page: InvoicePage,
  search?: PreparedSearch,
): Promise<InvoiceListing[]> {
  const { condition } = search ?? (await prepareSearch(db, filter));
  const conditions = invoiceConditions(filter, condition);
  const { order, behind } = sorts[page.sort];
  const rest = page.after ? behind(page.after) : sql`true`;
  const pages = partsOf(filter, page.sort).map(
    (part) => sql`(
      select i.* from invoices i where ${part} and ${conditions} and ${rest} order by ${order} limit ${page.limit})`,
  );
  const rows = await rowsOf<InvoiceRow>(
    db,
    sql`
    select i.*, i.payment_date::text as payment_date, u.external_id, u.email, u.name
    from (${sql.join(pages, sql` union all `)}) i join users u on u.id = i.user_id
    order by ${order} limit ${page.limit}`,
  );
  return rows.map(toListing);
}

/**
 * The conditions of the subqueries whose union the page is taken from: one per status, each read from an index in the
 * wanted order, which PostgreSQL would not do for all statuses at once. By age the primary key has that order, unless the
 * filter names a payment date.
 */
function partsOf({ status, paymentDate }: InvoiceFilter, sort: InvoiceSort): SQL[] {
  const isByAge = sort === "newest" || sort === "oldest";
  if (status || (isByAge && !paymentDate)) return [sql`true`];
  return invoiceStatuses.map((one) => sql`i.status = ${one}`);
}

interface SortRule {
  readonly order: SQL;
  readonly behind: (last: { id: number; amountCents: bigint }) => SQL;
}

const sorts: Readonly<Record<InvoiceSort, SortRule>> = {
  newest: { order: sql`i.id desc`, behind: ({ id }) => sql`i.id < ${id}` },
  oldest: { order: sql`i.id`, behind: ({ id }) => sql`i.id > ${id}` },
  largest: {
    order: sql`i.amount_cents desc, i.id desc`,
    behind: ({ id, amountCents }) => sql`(i.amount_cents, i.id) < (${amountCents}::bigint, ${id}::bigint)`,
  },
  smallest: {
    order: sql`i.amount_cents, i.id`,
    behind: ({ id, amountCents }) => sql`(i.amount_cents, i.id) > (${amountCents}::bigint, ${id}::bigint)`,
  },
};

interface InvoiceRow extends Record<string, unknown> {
  readonly id: bigint;
  readonly number: string;
  readonly run_id: bigint;
  readonly user_id: bigint;
  readonly external_id: string;
  readonly email: string;
  readonly name: string;
  readonly payment_date: string;
  readonly amount_cents: bigint;
  readonly currency: string;
  readonly destination: string;
  readonly status: InvoiceStatus;
  readonly approved_by: string | null;
  readonly approved_at: string | null;
  readonly reviewed_by: string | null;
  readonly reviewed_at: string | null;
  readonly reason: string | null;
  readonly disposition: Disposition | null;
  readonly created_at: string;
}

function toListing(row: InvoiceRow): InvoiceListing {
  return {
    id: Number(row.id),
    number: row.number,
    runId: Number(row.run_id),
    userId: Number(row.user_id),
    externalId: row.external_id,
    email: row.email,
    name: row.name,
    paymentDate: row.payment_date,
    amountCents: row.amount_cents,
    currency: row.currency,
    destination: row.destination,
    status: row.status,
    approvedBy: row.approved_by,
    approvedAt: instantOf(row.approved_at),
    reviewedBy: row.reviewed_by,
    reviewedAt: instantOf(row.reviewed_at),
    reason: row.reason,
    disposition: row.disposition,
    createdAt: new Date(row.created_at),
  };
}

function instantOf(text: string | null): Date | null {
  return text === null ? null : new Date(text);
}

/** The invoice with a number; null if there is none. */
export async function findInvoice(db: Db, number: string): Promise<InvoiceListing | null> {
  const [row] = await rowsOf<InvoiceRow>(
    db,
    sql`
    select i.*, i.payment_date::text as payment_date, u.external_id, u.email, u.name
    from invoices i join users u on u.id = i.user_id where i.number = ${number}`,
  );
  return row ? toListing(row) : null;
}

/** The invoice that has waited for its review for longest; null when none waits. */
export async function findOldestPending(db: Db): Promise<InvoiceListing | null> {
  const [oldest] = await listInvoices(db, { status: "pending" }, { sort: "oldest", limit: 1 });
  return oldest ?? null;
}

/** The number of the invoice that a run created for a user; null if it created none. */
export async function findInvoiceNumber(
  db: Db,
  { runId, userId }: { runId: number; userId: number },
): Promise<string | null> {
  const [row] = await rowsOf<{ number: string }>(
    db,
    sql`select number from invoices where user_id = ${userId}::bigint and run_id = ${runId}::bigint`,
  );
  return row?.number ?? null;
}

/** The statuses of the invoices with the given numbers, by number; unknown numbers are absent. */
export async function findInvoiceStatuses(
  db: Db,
  numbers: readonly string[],
): Promise<ReadonlyMap<string, InvoiceStatus>> {
  const rows = await db
    .select({ number: invoices.number, status: invoices.status })
    .from(invoices)
    .where(sql`${invoices.number} = any(${arrayParam(numbers, "text")})`);
  return new Map(rows.map(({ number, status }) => [number, status]));
}
