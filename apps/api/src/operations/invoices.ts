import { Readable } from "node:stream";
import type { InputOf, ResponseOf } from "@cpa-payouts/contract";
import { defined, escapeFormula, formatCents } from "@cpa-payouts/core";
import {
  findInvoice,
  type InvoiceFilter,
  type InvoiceListing,
  type InvoiceSelection,
  type InvoiceTotals,
  listInvoices,
  pages,
  prepareSearch,
  type ReviewCount,
  type ReviewPreview,
  totalInvoices,
  totalInvoicesQuickly,
} from "@cpa-payouts/db";
import { catalog } from "@cpa-payouts/jobs";
import { previewReview, type ReviewRequest, reviewInvoices } from "@cpa-payouts/pipeline";
import { stringify } from "csv-stringify/sync";
import type { Call, Handlers } from "../calls.ts";
import { positions, readCursor, toPage } from "../cursors.ts";
import { conflict, notFound } from "../problems.ts";

export const invoiceHandlers: Handlers<"invoices"> = {
  listInvoices: async ({ ctx }, { query }) => {
    const { sort, limit, cursor, ...filterQuery } = query;
    const filter = toFilter(filterQuery);
    const position = readCursor(positions.byIdAndCents, cursor);
    const after = position && { id: position.id, amountCents: position.cents };
    const search = await prepareSearch(ctx.db, filter);
    const [rows, totals] = await Promise.all([
      listInvoices(ctx.db, filter, defined({ sort, limit: limit + 1, after }), search),
      after ? null : totalInvoicesQuickly(ctx.db, filter, search),
    ]);
    const page = toPage(rows, limit, {
      present: presentInvoice,
      position: ({ id, amountCents }) => ({ id, cents: amountCents }),
    });
    return { ...page, totals: totals && presentTotals(totals) };
  },

  totalInvoices: async ({ ctx }, { query }) => presentTotals(await totalInvoices(ctx.db, toFilter(query))),

  exportInvoices: async ({ ctx }, { query }) => {
    const filter = toFilter(query);
    const invoices = pages<InvoiceListing>((page) => listInvoices(ctx.db, filter, { sort: "oldest", ...page }));
    return { stream: Readable.from(toCsv(invoices)), fileName: "invoices.csv" };
  },

  readInvoice: async ({ ctx }, { params }) => {
    const invoice = await findInvoice(ctx.db, params.number);
    if (!invoice) throw notFound(`invoice ${params.number}`);
    const { runId, userId } = invoice;
    const job = `/queues/queue/${catalog["create-invoice"].queue}/${catalog["create-invoice"].id({ runId, userId })}`;
    return { ...presentInvoice(invoice), job };
  },

  previewReview: async ({ ctx }, call) => {
    const preview = await previewReview(ctx, toReview(call));
    return {
      counts: preview.counts.map(presentCount),
      alreadyReviewed: [...preview.alreadyReviewed],
      token: preview.digest,
    };
  },

  reviewInvoices: async ({ ctx }, call) => {
    const request = toReview(call);
    const review = await reviewInvoices(ctx, { ...request, digest: call.body.token });
    switch (review.status) {
      case "done":
        return { counts: review.counts.map(presentCount) };
      case "set-changed":
        throw setChanged(await previewReview(ctx, request));
    }
  },
};

type FilterQuery = InputOf<"totalInvoices">["query"];

function toFilter({ minimumAmount, maximumAmount, ...same }: FilterQuery): InvoiceFilter {
  return defined({ ...same, minimumAmountCents: minimumAmount, maximumAmountCents: maximumAmount });
}

function toReview({ body, audit, caller }: Call<"previewReview"> | Call<"reviewInvoices">): ReviewRequest {
  const selection: InvoiceSelection =
    "numbers" in body.selection ? body.selection : { filter: toFilter(body.selection.filter) };
  return { ...audit, selection, verdict: body.verdict, isProgram: caller?.kind !== "admin" };
}

function setChanged({ counts }: ReviewPreview) {
  const current = { counts: counts.map(presentCount) };
  return conflict("the set of invoices has changed since the preview; preview it again", current);
}

function presentInvoice(invoice: InvoiceListing): ResponseOf<"listInvoices">["items"][number] {
  return {
    number: invoice.number,
    externalId: invoice.externalId,
    email: invoice.email,
    name: invoice.name,
    paymentDate: invoice.paymentDate,
    amount: formatCents(invoice.amountCents),
    currency: invoice.currency,
    destination: invoice.destination,
    status: invoice.status,
    approvedBy: invoice.approvedBy,
    approvedAt: invoice.approvedAt?.toISOString() ?? null,
    reviewedBy: invoice.reviewedBy,
    reviewedAt: invoice.reviewedAt?.toISOString() ?? null,
    reason: invoice.reason,
    disposition: invoice.disposition,
    createdAt: invoice.createdAt.toISOString(),
  };
}

function presentTotals({ invoices, amountCents, isExact }: InvoiceTotals) {
  return { invoices, amount: formatCents(amountCents), isExact };
}

function presentCount({ result, invoices, amountCents }: ReviewCount) {
  return { result, invoices, amount: formatCents(amountCents) };
}

const CSV_COLUMNS =
  "number,external_id,email,name,payment_date,amount,currency,destination,status,reason,approved_by,reviewed_by,reviewed_at,created_at";
const ROWS_PER_CHUNK = 500;

/** Yields the CSV file in chunks while the rows are read, so that memory does not grow with the number of invoices. */
async function* toCsv(invoices: AsyncIterable<InvoiceListing>): AsyncGenerator<string> {
  yield `${CSV_COLUMNS}\n`;
  let rows: ReturnType<typeof csvRow>[] = [];
  for await (const invoice of invoices) {
    rows.push(csvRow(invoice));
    if (rows.length < ROWS_PER_CHUNK) continue;
    yield stringify(rows);
    rows = [];
  }
  if (rows.length > 0) yield stringify(rows);
}

function csvRow(invoice: InvoiceListing) {
  const { number, externalId, email, name, paymentDate, amount, currency, destination, status, ...rest } =
    presentInvoice(invoice);
  const free = escapeFormula(name);
  const reason = rest.reason === null ? null : escapeFormula(rest.reason);
  const review = [reason, rest.approvedBy, rest.reviewedBy, rest.reviewedAt, rest.createdAt];
  return [number, externalId, email, free, paymentDate, amount, currency, destination, status, ...review];
}
