import { paymentMethodTransitions, statesOf } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { check, index, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { id, instant, isOneOf, reference } from "./columns.ts";
import { users } from "./users.ts";

const statuses = statesOf(paymentMethodTransitions);

/** The Binance e-mails of users. A changed one is a new row, so the history keeps what was approved and by whom. */
export const paymentMethods = pgTable(
  "payment_methods",
  {
    id: id(),
    userId: reference()
      .notNull()
      .references(() => users.id, { onDelete: "restrict" }),
    binanceEmail: text().notNull(),
    status: text().$type<keyof typeof paymentMethodTransitions>().notNull(),
    reviewedBy: text(),
    reviewedAt: instant(),
    reason: text(),
    createdAt: instant().notNull(),
  },
  (t) => [
    // At most one pending or approved method per user. The index also serves to find the one that a user is paid through.
    uniqueIndex("payment_methods_one_current").on(t.userId).where(sql`${t.status} in ('pending', 'approved')`),
    index("payment_methods_user_idx").on(t.userId, t.id),
    // Lists by status, such as the methods that await review.
    index("payment_methods_status_idx").on(t.status, t.id),
    // Finds other users with the same Binance e-mail.
    index("payment_methods_address_idx").on(sql`lower(${t.binanceEmail})`),
    check("payment_methods_status_known", isOneOf(t.status, statuses)),
    check("payment_methods_email_given", sql`${t.binanceEmail} <> ''`),
    check("payment_methods_rejection_has_reason", sql`${t.status} <> 'rejected' or coalesce(${t.reason}, '') <> ''`),
  ],
);
