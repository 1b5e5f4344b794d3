import { dispositions, invoiceSorts, invoiceTransitions, statesOf } from "@cpa-payouts/core";
import { z } from "zod";
import {
  amount,
  amountOrZero,
  dateInput,
  externalId,
  flag,
  instant,
  line,
  localDate,
  pageOf,
  pageQuery,
  reason,
} from "./fields.ts";
import { operation } from "./operation.ts";

const status = z.enum(statesOf(invoiceTransitions));
const reads = { role: "viewer", scope: "invoices:read" } as const;
const reviews = { role: "operator", scope: "invoices:review" } as const;

const invoice = z
  .object({
    number: z.string(),
    externalId: z.string(),
    email: z.string(),
    name: z.string(),
    paymentDate: localDate,
    amount,
    currency: z.string(),
    destination: z.string(),
    status,
    /** Who gave the first of two approvals, where two people must approve. */
    approvedBy: z.string().nullable(),
    approvedAt: instant.nullable(),
    /** What the first approval is for: a second one for something else does not count, and replaces it. */
    approvedFor: z.enum(["paid", "forfeit"]).nullable(),
    reviewedBy: z.string().nullable(),
    reviewedAt: instant.nullable(),
    reason: z.string().nullable(),
    disposition: z.enum(dispositions).nullable(),
    createdAt: instant,
  })
  .meta({ id: "Invoice" });
export type Invoice = z.output<typeof invoice>;

const RANGE = "minimumAmount is more than maximumAmount";

function isRange({
  minimumAmount,
  maximumAmount,
}: {
  minimumAmount?: bigint | undefined;
  maximumAmount?: bigint | undefined;
}) {
  return minimumAmount === undefined || maximumAmount === undefined || minimumAmount <= maximumAmount;
}

/** The fields of a filter, in a query string and in the body of a bulk review. */
const filter = {
  status: status.optional(),
  paymentDate: dateInput.optional(),
  externalId: externalId.optional(),
  minimumAmount: amountOrZero.optional(),
  maximumAmount: amountOrZero.optional(),
  search: line(200)
    .optional()
    .meta({ description: "a complete invoice number, or the beginning of the user's external id, e-mail or name" }),
};
const queryFilter = { ...filter, isApprovedOnce: flag.optional() };
const bodyFilter = z.strictObject({ ...filter, isApprovedOnce: z.boolean().optional() }).refine(isRange, RANGE);

const totals = z.object({
  invoices: z.int(),
  amount,
  /** False when the count stopped early: `totals` of the list counts up to 10,000 invoices, `/invoices/totals` all. */
  isExact: z.boolean(),
});

const MAX_NUMBERS = 1_000;

const selection = z.union([
  z.strictObject({ numbers: z.array(z.string().max(60)).min(1).max(MAX_NUMBERS) }),
  z.strictObject({ filter: bodyFilter }),
]);

const verdict = z.discriminatedUnion("status", [
  z.strictObject({ status: z.literal("paid") }),
  z.strictObject({
    status: z.literal("rejected"),
    reason,
    /** `return` puts the amount back on the balance; with `forfeit` the network keeps it, which tokens may not request. */
    disposition: z.enum(dispositions).default("return"),
  }),
]);

const reviewCount = z.object({
  result: z.enum(["reviewed", "approved", "same-person", "new-power", "needs-a-person", "above-ceiling"]),
  invoices: z.int(),
  amount,
});

const review = { selection, verdict };

export const invoiceOperations = {
  listInvoices: operation({
    method: "GET",
    path: "/api/v1/invoices",
    summary:
      "Invoices, a page at a time. The first page has the totals of the filter, unless counting them takes long (a search that matches many users)",
    access: reads,
    query: z
      .object({ ...queryFilter, sort: z.enum(invoiceSorts).default("newest"), ...pageQuery })
      .refine(isRange, RANGE),
    response: pageOf(invoice).extend({ totals: totals.nullable() }),
  }),
  totalInvoices: operation({
    method: "GET",
    path: "/api/v1/invoices/totals",
    summary: "The exact number and total amount of the invoices that match a filter",
    access: reads,
    query: z.object(queryFilter).refine(isRange, RANGE),
    response: totals,
  }),
  exportInvoices: operation({
    method: "GET",
    path: "/api/v1/invoices.csv",
    summary: "All invoices that match a filter, as CSV for spreadsheets, or with `raw=true` for programs",
    access: reads,
    query: z
      .object({
        ...queryFilter,
        raw: flag.optional().meta({ description: "every text as it is stored; a spreadsheet may compute it" }),
      })
      .refine(isRange, RANGE),
    response: "text/csv",
  }),
  readInvoice: operation({
    method: "GET",
    path: "/api/v1/invoices/:number",
    summary: "One invoice, with the path of its job on the board",
    access: reads,
    params: z.object({ number: z.string().max(60) }),
    response: invoice.extend({ job: z.string() }),
  }),
  previewReview: operation({
    method: "POST",
    path: "/api/v1/invoices/review/preview",
    summary: "What a review would do; its token lets the same person make exactly this review once, within 15 minutes",
    access: reviews,
    body: z.strictObject(review),
    response: z.object({
      counts: z.array(reviewCount),
      alreadyReviewed: z.array(z.object({ status, invoices: z.int() })),
      token: z.string(),
      expiresAt: instant,
    }),
  }),
  reviewInvoices: operation({
    method: "POST",
    path: "/api/v1/invoices/review",
    summary: "Review the previewed invoices, all or none; the body repeats that of the preview",
    access: reviews,
    body: z.strictObject({ ...review, token: z.string().max(200) }),
    response: z.object({ counts: z.array(reviewCount) }),
  }),
};
