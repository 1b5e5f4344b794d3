import { Readable } from "node:stream";
import type { InputOf, ProblemCode, ResponseOf } from "@cpa-payouts/contract";
import { defined, escapeFormula, formatCents } from "@cpa-payouts/core";
import {
  findInvoice,
  type InvoiceFilter,
  type InvoiceListing,
  type InvoiceSelection,
  type InvoiceTotals,
  isForfeit,
  listInvoices,
  type PreviewRefusal,
  pages,
  prepareSearch,
  type ReviewCount,
  type ReviewPreview,
  totalInvoices,
  totalInvoicesQuickly,
} from "@cpa-payouts/db";
import { catalog } from "@cpa-payouts/jobs";
import { countReview, previewReview, type ReviewRequest, recordExport, reviewInvoices } from "@cpa-payouts/pipeline";
import { stringify } from "csv-stringify/sync";
import { type Call, type Handlers, personOf } from "../calls.ts";
import { positions, readCursor, toPage } from "../cursors.ts";
import { ApiProblem, conflict, notFound } from "../problems.ts";

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

  exportInvoices: async ({ ctx }, { query, audit }) => {
    const { raw, ...filterQuery } = query;
    const filter = toFilter(filterQuery);
    await recordExport(ctx, { ...audit, list: "invoices", filter: { ...filter } });
    const invoices = pages<InvoiceListing>((page) => listInvoices(ctx.db, filter, { sort: "oldest", ...page }));
    return { stream: Readable.from(toCsv(invoices, raw ? asStored : escapeFormula)), fileName: "invoices.csv" };
  },

  readInvoice: async ({ ctx }, { params }) => {
    const invoice = await findInvoice(ctx.db, params.number);
    if (!invoice) throw notFound(`invoice ${params.number}`);
    const { runId, userId } = invoice;
    const job = `/queues/queue/${catalog["create-invoice"].queue}/${catalog["create-invoice"].id({ runId, userId })}`;
    return { ...presentInvoice(invoice), job };
  },

  previewReview: async ({ ctx }, call) => {
    const { counts, alreadyReviewed, token, expiresAt } = await previewReview(ctx, toReview(call));
    return {
      counts: counts.map(presentCount),
      alreadyReviewed: [...alreadyReviewed],
      token,
      expiresAt: expiresAt.toISOString(),
    };
  },

  reviewInvoices: async ({ ctx }, call) => {
    const request = toReview(call);
    const review = await reviewInvoices(ctx, { ...request, token: call.body.token });
    if (review.status === "done") return { counts: review.counts.map(presentCount) };
    if (review.refusal === "set-changed") throw setChanged(await countReview(ctx, request));
    throw new ApiProblem(...previewProblems[review.refusal]);
  },
};

/** The status, code and sentence for each preview that does not permit the review. */
const previewProblems: Readonly<
  Record<Exclude<PreviewRefusal, "set-changed">, [status: number, code: ProblemCode, message: string]>
> = {
  unknown: [409, "preview-unknown", "there is no preview with this token, or it was removed; preview the review again"],
  "another-person": [
    403,
    "preview-of-another",
    "this token is from another person's preview; preview the review yourself",
  ],
  used: [409, "preview-used", "the review of this preview has been made; nothing was changed again"],
  expired: [409, "preview-expired", "the preview is older than 15 minutes; preview the review again"],
  "other-request": [
    409,
    "preview-differs",
    "the selection, verdict, disposition or reason differs from the preview; preview the review again",
  ],
};

type FilterQuery = InputOf<"totalInvoices">["query"];

function toFilter({ minimumAmount, maximumAmount, ...same }: FilterQuery): InvoiceFilter {
  return defined({ ...same, minimumAmountCents: minimumAmount, maximumAmountCents: maximumAmount });
}

/** @throws ApiProblem 403 when a token requests a forfeit */
function toReview(call: Call<"previewReview"> | Call<"reviewInvoices">): ReviewRequest {
  const { body, audit, caller } = call;
  if (isForfeit(body.verdict))
    personOf(call, "only people may forfeit invoices, not tokens; reject with the disposition return");
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
    approvedFor: invoice.approvedBy === null ? null : invoice.approvedToForfeit ? "forfeit" : "paid",
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
  "number,external_id,email,name,payment_date,amount,currency,destination,status,reason,approved_by,reviewed_by,reviewed_at,created_at,approved_for";
const ROWS_PER_CHUNK = 500;

const asStored = (text: string) => text;

/** Yields the CSV file in chunks while the rows are read, so that memory does not grow with the number of invoices. */
async function* toCsv(
  invoices: AsyncIterable<InvoiceListing>,
  toText: (text: string) => string,
): AsyncGenerator<string> {
  yield `${CSV_COLUMNS}\n`;
  let rows: ReturnType<typeof csvRow>[] = [];
  for await (const invoice of invoices) {
    rows.push(csvRow(invoice, toText));
    if (rows.length < ROWS_PER_CHUNK) continue;
    yield stringify(rows);
    rows = [];
  }
  if (rows.length > 0) yield stringify(rows);
}

function csvRow(invoice: InvoiceListing, toText: (text: string) => string) {
  const { number, externalId, email, name, paymentDate, amount, currency, destination, status, ...rest } =
    presentInvoice(invoice);
  const written = (text: string | null) => (text === null ? null : toText(text));
  const user = [externalId, email, name].map(written);
  const review = [rest.reason, rest.approvedBy, rest.reviewedBy].map(written);
  const paid = [paymentDate, amount, currency, written(destination), status];
  return [number, ...user, ...paid, ...review, rest.reviewedAt, rest.createdAt, rest.approvedFor];
}
