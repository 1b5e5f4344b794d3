import { paymentMethodTransitions, statesOf } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { check, index, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { id, instant, oneOf, reference } from "./columns.ts";
import { users } from "./users.ts";

const statuses = statesOf(paymentMethodTransitions);

/** The Binance e-mails of users. A changed address is a new row, so that history keeps what was approved and by whom. */
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
    // At most one address is approved or up for approval. It also answers "which address is this user paid to?".
    uniqueIndex("payment_methods_one_current").on(t.userId).where(sql`${t.status} in ('pending', 'approved')`),
    index("payment_methods_user_idx").on(t.userId, t.id),
    // The queue of those to be reviewed, and any other list by status.
    index("payment_methods_status_idx").on(t.status, t.id),
    // Who else gave this address?
    index("payment_methods_address_idx").on(sql`lower(${t.binanceEmail})`),
    check("payment_methods_status_known", oneOf(t.status, statuses)),
    check("payment_methods_email_given", sql`${t.binanceEmail} <> ''`),
    check("payment_methods_rejection_has_reason", sql`${t.status} <> 'rejected' or coalesce(${t.reason}, '') <> ''`),
  ],
);
