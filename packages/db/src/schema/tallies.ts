import { index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { cents, id, reference } from "./columns.ts";

/*
 * Counts that would otherwise read a million rows. Triggers add a row per statement that changes anything, so workers
 * never wait for each other at a counter. The figure is the sum of the rows, and each tick merges them. `payouts verify`
 * compares the tallies with the tables.
 */

/** Invoices per run and status. */
export const invoiceTallies = pgTable(
  "invoice_tallies",
  {
    id: id(),
    runId: reference().notNull(),
    status: text().notNull(),
    invoices: integer().notNull(),
    amountCents: cents().notNull(),
  },
  (t) => [index("invoice_tallies_run_idx").on(t.runId)],
);

/** Decisions per run, outcome and reason. */
export const decisionTallies = pgTable(
  "decision_tallies",
  {
    id: id(),
    runId: reference().notNull(),
    outcome: text().notNull(),
    reason: text(),
    users: integer().notNull(),
  },
  (t) => [index("decision_tallies_run_idx").on(t.runId)],
);
