import type { InvoiceStatus } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { rowOf, rowsOf } from "../sql.ts";
import {
  type InvoiceFilter,
  invoiceConditions,
  invoiceStatuses,
  type PreparedSearch,
  prepareSearch,
} from "./invoice-filter.ts";

export interface InvoiceTotals {
  readonly invoices: number;
  readonly amountCents: bigint;
  /** False when there are more than were counted. */
  readonly isExact: boolean;
}

/** So many invoices are counted in a few milliseconds. */
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
  const { invoices, amount } = await rowOf<{ invoices: number; amount: bigint }>(
    db,
    sql`
    select count(*)::int as invoices, coalesce(sum(amount_cents), 0)::bigint as amount
    from (select i.amount_cents from invoices i where ${anyStatus(filter)} and ${conditions} ${limit}) i`,
  );
  return { invoices, amountCents: amount, isExact: atMost === null || invoices <= atMost };
}

function isTallied({ status: _status, paymentDate: _date, ...others }: InvoiceFilter): boolean {
  return Object.values(others).every((value) => value === undefined);
}

/** Names every status in a filter without one, so that the indexes which begin with the status serve. */
function anyStatus({ status }: InvoiceFilter): SQL {
  return status ? sql`true` : sql`i.status in (${sql.raw(invoiceStatuses.map((one) => `'${one}'`).join(", "))})`;
}

async function tallied(db: Db, { status, paymentDate }: InvoiceFilter): Promise<InvoiceTotals> {
  const { invoices, amount } = await rowOf<{ invoices: number; amount: bigint }>(
    db,
    sql`
    select coalesce(sum(t.invoices), 0)::int as invoices, coalesce(sum(t.amount_cents), 0)::bigint as amount
    from invoice_tallies t
    where ${status ? sql`t.status = ${status}` : sql`true`}
      and ${paymentDate ? sql`t.run_id = (select id from payment_runs where payment_date = ${paymentDate}::date)` : sql`true`}`,
  );
  return { invoices, amountCents: amount, isExact: true };
}

export interface InvoiceTally {
  readonly status: InvoiceStatus;
  readonly invoices: number;
  readonly amountCents: bigint;
}

/** The number and the sum of all invoices by status; a status without any is absent. */
export async function tallyInvoices(db: Db): Promise<InvoiceTally[]> {
  const rows = await rowsOf<{ status: InvoiceStatus; invoices: number; amount: bigint }>(
    db,
    sql`
    select status, sum(invoices)::int as invoices, sum(amount_cents)::bigint as amount from invoice_tallies
    group by status having sum(invoices) <> 0`,
  );
  return rows.map(({ status, invoices, amount }) => ({ status, invoices, amountCents: amount }));
}
