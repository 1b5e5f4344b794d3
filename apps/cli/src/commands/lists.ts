import {
  defined,
  formatCents,
  InputError,
  invoiceTransitions,
  parseCents,
  parseLocalDate,
  paymentMethodTransitions,
  statesOf,
  userStatuses,
} from "@cpa-payouts/core";
import {
  findUser,
  type InvoiceListing,
  listInvoices,
  listMethods,
  listUsers,
  type MethodListing,
  pages,
  type UserListing,
} from "@cpa-payouts/db";
import { type DataContext, recordExport } from "@cpa-payouts/pipeline";
import { readChoice } from "../choices.ts";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";
import type { Column, Row } from "../output.ts";

interface ListOptions {
  readonly status?: string;
  readonly user?: string;
  readonly limit?: number;
}

/**
 * `payouts invoices`: prints invoices, oldest first, as they are read from the database.
 *
 * @throws InputError for a bad status or date, or an unknown user
 */
export async function printInvoices(cli: Cli, options: ListOptions & { date?: string }): Promise<undefined> {
  const status = readChoice("--status", options.status, statesOf(invoiceTransitions));
  const paymentDate = options.date === undefined ? undefined : parseLocalDate(options.date);
  await withDatabase(cli, async (ctx) => {
    const externalId = await readUser(ctx, options.user);
    const filter = defined({ status, paymentDate, externalId });
    const invoices = pages<InvoiceListing>(
      (page) => listInvoices(ctx.db, filter, { sort: "oldest", ...page }),
      options.limit,
    );
    await recordCsv(cli, ctx, "invoices", filter);
    await printList(cli, invoiceColumns, invoices, (invoice) => ({
      ...invoice,
      amount: formatCents(invoice.amountCents),
      createdAt: invoice.createdAt.toISOString(),
    }));
  });
}

/** The columns and their order are part of the command line's contract (docs/cli.md). */
const invoiceColumns = [
  { key: "number" },
  { key: "externalId" },
  { key: "paymentDate" },
  { key: "amount", align: "right" },
  { key: "currency" },
  { key: "destination" },
  { key: "status" },
  { key: "reason" },
  { key: "createdAt" },
] as const satisfies readonly Column<Row>[];

/**
 * `payouts users`: prints users with balance (dollars) and payment method, as they are read from the database.
 *
 * @throws InputError for a bad status or amount, or an unknown user
 */
export async function printUsers(
  cli: Cli,
  options: ListOptions & { minBalance?: string; method?: string },
): Promise<undefined> {
  const status = readChoice("--status", options.status, userStatuses);
  const methodStatus = readChoice("--method", options.method, statesOf(paymentMethodTransitions));
  const minimumBalanceCents = options.minBalance === undefined ? undefined : parseCents(options.minBalance);
  await withDatabase(cli, async (ctx) => {
    const externalId = await readUser(ctx, options.user);
    const filter = defined({ status, methodStatus, minimumBalanceCents, externalId });
    const users = pages<UserListing>((page) => listUsers(ctx.db, filter, { sort: "oldest", ...page }), options.limit);
    await recordCsv(cli, ctx, "users", filter);
    await printList(cli, userColumns, users, (user) => ({ ...user, balance: formatCents(user.balanceCents) }));
  });
}

const userColumns = [
  { key: "externalId" },
  { key: "email" },
  { key: "name" },
  { key: "status" },
  { key: "balance", align: "right" },
  { key: "binanceEmail" },
  { key: "paymentMethodStatus" },
  { key: "previousInvoices", align: "right" },
  { key: "invoiceCount", align: "right" },
] as const satisfies readonly Column<Row>[];

/**
 * `payouts methods`: prints payment methods, as they are read from the database.
 *
 * @throws InputError for a bad status, or an unknown user
 */
export async function printMethods(cli: Cli, options: ListOptions): Promise<undefined> {
  const status = readChoice("--status", options.status, statesOf(paymentMethodTransitions));
  await withDatabase(cli, async (ctx) => {
    const externalId = await readUser(ctx, options.user);
    const filter = defined({ status, externalId });
    await recordCsv(cli, ctx, "methods", filter);
    const methods = pages<MethodListing>(
      ({ after, limit }) => listMethods(ctx.db, filter, { afterId: after?.id ?? 0, limit }),
      options.limit,
    );
    await printList(cli, methodColumns, methods, (method) => ({
      ...method,
      reviewedAt: method.reviewedAt?.toISOString() ?? null,
      createdAt: method.createdAt.toISOString(),
    }));
  });
}

const methodColumns = [
  { key: "externalId" },
  { key: "binanceEmail" },
  { key: "status" },
  { key: "reason" },
  { key: "reviewedBy" },
  { key: "reviewedAt" },
  { key: "createdAt" },
] as const satisfies readonly Column<Row>[];

/** A list in CSV leaves the system, so the audit log has who took it, as for an export by the API. */
async function recordCsv(
  { output, actor }: Cli,
  ctx: DataContext,
  list: "invoices" | "users" | "methods",
  filter: object,
): Promise<void> {
  if (output.format === "csv") await recordExport(ctx, { actor, list, filter: { ...filter } });
}

async function printList<
  Found,
  Printed extends Record<Columns[number]["key"], Row[string]>,
  Columns extends readonly Column<Row>[],
>(cli: Cli, columns: Columns, found: AsyncIterable<Found>, toRow: (found: Found) => Printed): Promise<void> {
  async function* rows(): AsyncGenerator<Row> {
    for await (const one of found) yield toRow(one);
  }
  await cli.output.list<Row>(columns, rows());
}

async function readUser({ db }: DataContext, externalId: string | undefined): Promise<string | undefined> {
  if (externalId !== undefined && !(await findUser(db, externalId)))
    throw new InputError(`there is no user ${externalId}`);
  return externalId;
}
