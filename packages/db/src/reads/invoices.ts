import { dispositions, type InvoiceSort, type InvoiceStatus } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { cents, date, flag, id, instant, nullable, oneOf, type Row, text } from "../decoders.ts";
import { invoices } from "../schema/index.ts";
import { arrayParam, rowsOf } from "../sql.ts";
import {
  type InvoiceFilter,
  invoiceConditions,
  invoiceStatuses,
  type PreparedSearch,
  prepareSearch,
} from "./invoice-filter.ts";

const columns = {
  id,
  number: text,
  runId: id,
  userId: id,
  externalId: text,
  email: text,
  name: text,
  paymentDate: date,
  amountCents: cents,
  currency: text,
  destination: text,
  status: oneOf(invoiceStatuses),
  approvedBy: nullable(text),
  approvedAt: nullable(instant),
  approvedToForfeit: flag,
  reviewedBy: nullable(text),
  reviewedAt: nullable(instant),
  reason: nullable(text),
  disposition: nullable(oneOf(dispositions)),
  createdAt: instant,
};

/** An invoice, with the user's external id, e-mail and name. */
export type InvoiceListing = Row<typeof columns>;

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
  const prepared = search ?? (await prepareSearch(db, filter));
  const conditions = invoiceConditions(filter, prepared.condition);
  const { order, behind } = sorts[page.sort];
  const rest = page.after ? behind(page.after) : sql`true`;
  const ofAllRuns = isMergedByRun(filter, page.sort, prepared);
  const pages = partsOf(filter, page.sort).map((part) => {
    const one = (run: SQL) => sql`(
      select i.* from invoices i where ${run} and ${part} and ${conditions} and ${rest} order by ${order} limit ${page.limit})`;
    return ofAllRuns
      ? sql`select i.* from payment_runs r cross join lateral ${one(sql`i.run_id = r.id`)} i`
      : one(sql`true`);
  });
  return rowsOf(
    db,
    columns,
    sql`
    select i.*, u.external_id, u.email, u.name
    from (${sql.join(pages, sql` union all `)}) i join users u on u.id = i.user_id
    order by ${order} limit ${page.limit}`,
  );
}

/**
 * The conditions of the subqueries whose union the page is taken from: one per status, each read from an index in the
 * wanted order, which PostgreSQL would not do for all statuses at once. By age the primary key has that order, unless the
 * filter names a payment date.
 */
function partsOf({ status, paymentDate }: InvoiceFilter, sort: InvoiceSort): SQL[] {
  if (status || (isByAge(sort) && !paymentDate)) return [sql`true`];
  return invoiceStatuses.map((one) => sql`i.status = ${one}`);
}

/**
 * Whether a page is taken from a page of each run, because the indexes in the wanted order begin with the run. The invoices
 * of few users are found by their key instead.
 */
function isMergedByRun({ status, paymentDate, externalId }: InvoiceFilter, sort: InvoiceSort, search: PreparedSearch) {
  const isOfFewUsers = externalId !== undefined || (search.condition !== null && !search.isBroad);
  if (paymentDate || isOfFewUsers) return false;
  return status !== undefined || !isByAge(sort);
}

function isByAge(sort: InvoiceSort): boolean {
  return sort === "newest" || sort === "oldest";
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

/** The invoice with a number; null if there is none. */
export async function findInvoice(db: Db, number: string): Promise<InvoiceListing | null> {
  const [invoice] = await rowsOf(
    db,
    columns,
    sql`
    select i.*, u.external_id, u.email, u.name
    from invoices i join users u on u.id = i.user_id where i.number = ${number}`,
  );
  return invoice ?? null;
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
  const [row] = await rowsOf(
    db,
    { number: text },
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
