import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { count, oneOf, type Row, sumOfCents } from "../decoders.ts";
import { rowOf, rowsOf } from "../sql.ts";
import { wordList } from "../word-list.ts";
import {
  type InvoiceFilter,
  invoiceConditions,
  invoiceStatuses,
  type PreparedSearch,
  prepareSearch,
} from "./invoice-filter.ts";

const totalColumns = { invoices: count, amountCents: sumOfCents };

export interface InvoiceTotals extends Row<typeof totalColumns> {
  /** False when there are more than were counted. */
  readonly isExact: boolean;
}

/** This many invoices are counted in a few milliseconds. */
const COUNTED = 10_000;

/** The number and the sum of the invoices that match a filter; always exact, however long it takes. */
export async function totalInvoices(db: Db, filter: InvoiceFilter): Promise<InvoiceTotals> {
  if (isTallied(filter)) return tallied(db, filter);
  return counted(db, filter, invoiceConditions(filter), null);
}

/**
 * Like {@link totalInvoices}, but always quick: exact for filters by status and payment date, which are kept as tallies;
 * for other filters up to {@link COUNTED} invoices.
 *
 * @returns null for a search that matches many users
 */
export async function totalInvoicesQuickly(
  db: Db,
  filter: InvoiceFilter,
  search?: PreparedSearch,
): Promise<InvoiceTotals | null> {
  if (isTallied(filter)) return tallied(db, filter);
  const { condition, isBroad } = search ?? (await prepareSearch(db, filter));
  return isBroad ? null : counted(db, filter, invoiceConditions(filter, condition), COUNTED);
}

async function counted(db: Db, filter: InvoiceFilter, conditions: SQL, atMost: number | null): Promise<InvoiceTotals> {
  const limit = atMost === null ? sql`` : sql`limit ${atMost + 1}`;
  const totals = await rowOf(
    db,
    totalColumns,
    sql`
    select count(*) as invoices, coalesce(sum(amount_cents), 0) as amount_cents
    from (select i.amount_cents from invoices i where ${anyRunAndStatus(filter)} and ${conditions} ${limit}) i`,
  );
  return { ...totals, isExact: atMost === null || totals.invoices <= atMost };
}

function isTallied({ status: _status, paymentDate: _date, ...others }: InvoiceFilter): boolean {
  return Object.values(others).every((value) => value === undefined);
}

/** Names every run and status in a filter without one, so that the indexes which begin with them serve. */
function anyRunAndStatus({ paymentDate, status }: InvoiceFilter): SQL {
  const run = paymentDate ? sql`true` : sql`i.run_id = any(array(select id from payment_runs))`;
  return status ? run : sql`${run} and i.status in ${wordList(invoiceStatuses)}`;
}

async function tallied(db: Db, { status, paymentDate }: InvoiceFilter): Promise<InvoiceTotals> {
  const totals = await rowOf(
    db,
    totalColumns,
    sql`
    select coalesce(sum(t.invoices), 0)::bigint as invoices, coalesce(sum(t.amount_cents), 0) as amount_cents
    from invoice_tallies t
    where ${status ? sql`t.status = ${status}` : sql`true`}
      and ${paymentDate ? sql`t.run_id = (select id from payment_runs where payment_date = ${paymentDate}::date)` : sql`true`}`,
  );
  return { ...totals, isExact: true };
}

const tallyColumns = { status: oneOf(invoiceStatuses), ...totalColumns };

export type InvoiceTally = Row<typeof tallyColumns>;

/** The number and the sum of all invoices by status; a status without any is absent. */
export async function tallyInvoices(db: Db): Promise<InvoiceTally[]> {
  return rowsOf(
    db,
    tallyColumns,
    sql`
    select status, sum(invoices)::bigint as invoices, sum(amount_cents) as amount_cents from invoice_tallies
    group by status having sum(invoices) <> 0`,
  );
}
