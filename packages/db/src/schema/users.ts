import { userStatuses } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { boolean, check, index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { cents, id, instant, isOneOf, isWithinCeiling } from "./columns.ts";

/** The network's users (affiliates), with what it owes them. */
export const users = pgTable(
  "users",
  {
    id: id(),
    externalId: text().notNull().unique("users_external_id"),
    email: text().notNull(),
    name: text().notNull().default(""),
    status: text({ enum: userStatuses }).notNull(),
    /** Whether a person decided the status last. An import then keeps it, unless it is told to override. */
    statusByHand: boolean().notNull().default(false),
    /**
     * The sum of the user's ledger entries, updated in the same statement as each entry. Only an adjustment may take it
     * below zero.
     */
    // Written as SQL because drizzle-kit cannot serialise a bigint default.
    balanceCents: cents().notNull().default(sql`0`),
    /** Invoices in the system the user was imported from. */
    previousInvoices: integer().notNull().default(0),
    /** Invoices created here, in any status. A user is first-time while this and `previousInvoices` are 0. */
    invoiceCount: integer().notNull().default(0),
    joinedAt: instant().notNull(),
    updatedAt: instant().notNull(),
  },
  (t) => [
    index("users_status_idx").on(t.status, t.id),
    // For searches by prefix. No indexed column changes with the balance, so an update of the balance touches no index.
    index("users_external_id_prefix_idx").on(t.externalId.op("text_pattern_ops")),
    index("users_email_prefix_idx").on(sql`lower(${t.email}) text_pattern_ops`),
    index("users_name_prefix_idx").on(sql`lower(${t.name}) text_pattern_ops`),
    check("users_external_id_given", sql`${t.externalId} <> ''`),
    check("users_status_known", isOneOf(t.status, userStatuses)),
    check("users_balance_ceiling", isWithinCeiling(t.balanceCents)),
    check("users_previous_invoices_not_negative", sql`${t.previousInvoices} >= 0`),
    check("users_invoice_count_not_negative", sql`${t.invoiceCount} >= 0`),
  ],
);
