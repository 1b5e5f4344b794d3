import { bigint, index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { id, instant, reference, sum } from "./columns.ts";

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
    invoices: bigint({ mode: "number" }).notNull(),
    amountCents: sum().notNull(),
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
    users: bigint({ mode: "number" }).notNull(),
  },
  (t) => [index("decision_tallies_run_idx").on(t.runId)],
);

/**
 * The recounts of the tallies (`payouts verify --repair-tallies`), numbered without gaps. A recount takes the next number
 * by the rows that it sees. Two at once take the same one, and the key admits one of them.
 */
export const tallyRecounts = pgTable("tally_recounts", {
  number: integer().primaryKey(),
  recountedAt: instant().notNull(),
  recountedBy: text().notNull(),
});
