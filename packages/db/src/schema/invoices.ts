import { dispositions, invoiceTransitions, statesOf } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { boolean, check, date, index, pgTable, text, unique } from "drizzle-orm/pg-core";
import { cents, id, instant, isOneOf, reference } from "./columns.ts";

const statuses = statesOf(invoiceTransitions);

/**
 * The amount that a user is to be paid for a payment date. An invoice belongs to a decision (`run_id`, `user_id`); a
 * trigger checks that reference per statement (docs/decisions/0009).
 */
export const invoices = pgTable(
  "invoices",
  {
    id: id(),
    /**
     * `INV-<payment date>-<user id>`: unique by construction, and the same however often a job is repeated. It is no
     * sequence, so there are no gaps to explain.
     */
    number: text().notNull().unique("invoices_number"),
    userId: reference().notNull(),
    runId: reference().notNull(),
    paymentDate: date({ mode: "string" }).notNull(),
    amountCents: cents().notNull(),
    currency: text().notNull(),
    /** The Binance e-mail that was approved when the invoice was created; a later change of it does not affect the invoice. */
    destination: text().notNull(),
    status: text().$type<keyof typeof invoiceTransitions>().notNull().default("pending"),
    /** The first of the two approvers, where two people must approve a payment or a forfeit; otherwise null. */
    approvedBy: text(),
    approvedAt: instant(),
    /** Whether the first approval is for a rejection that forfeits the amount; otherwise it is for the payment. */
    approvedToForfeit: boolean().notNull().default(false),
    reviewedBy: text(),
    reviewedAt: instant(),
    reason: text(),
    disposition: text({ enum: dispositions }),
    createdAt: instant().notNull(),
  },
  (t) => [
    // Enforces the promise "one invoice per user per payment date, ever"; the queue does not.
    unique("invoices_one_per_user_and_date").on(t.userId, t.paymentDate),
    // For lists and totals by run and status, in the order of creation or of amount. A list over all runs merges one page of each
    // run: indexes that begin with the status would serve it alone, and cost each invoice 2 us of PostgreSQL's time.
    index("invoices_run_idx").on(t.runId, t.status, t.id),
    index("invoices_run_amount_idx").on(t.runId, t.status, t.amountCents, t.id),
    check("invoices_status_known", isOneOf(t.status, statuses)),
    check("invoices_disposition_known", isOneOf(t.disposition, dispositions)),
    check("invoices_amount_positive", sql`${t.amountCents} > 0`),
    check("invoices_currency_usd", sql`${t.currency} = 'USD'`),
    check("invoices_reviewed_by", sql`(${t.status} = 'pending') = (${t.reviewedBy} is null)`),
    check("invoices_approved_by", sql`(${t.approvedBy} is null) = (${t.approvedAt} is null)`),
    check(
      "invoices_two_people",
      sql`not (${t.status} = 'paid' or ${t.approvedToForfeit}) or ${t.approvedBy} is distinct from ${t.reviewedBy}`,
    ),
    check(
      "invoices_approved_to_forfeit",
      sql`not ${t.approvedToForfeit} or (${t.approvedBy} is not null and ${t.status} <> 'paid')`,
    ),
    check("invoices_rejection_has_reason", sql`${t.status} <> 'rejected' or coalesce(${t.reason}, '') <> ''`),
    check("invoices_rejection_has_disposition", sql`(${t.status} = 'rejected') = (${t.disposition} is not null)`),
  ],
);
