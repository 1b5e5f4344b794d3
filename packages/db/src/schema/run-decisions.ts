import { decisions, outcomeTransitions, skipReasons, statesOf } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { check, index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { cents, instant, oneOf, reference } from "./columns.ts";

const outcomes = statesOf(outcomeTransitions);

/**
 * What a run decided for each user considered, frozen: the manifest of the run and the answer to "why was I (not) paid?".
 * Run, user and invoice are references, tested per statement by triggers (docs/decisions/0009).
 */
export const runDecisions = pgTable(
  "run_decisions",
  {
    runId: reference().notNull(),
    userId: reference().notNull(),
    decision: text({ enum: decisions }).notNull(),
    reason: text({ enum: skipReasons }),
    balanceCents: cents().notNull(),
    outcome: text().$type<keyof typeof outcomeTransitions>().notNull(),
    invoiceId: reference(),
    /** Why the job failed, in one line without personal data. */
    error: text(),
    settledAt: instant(),
  },
  (t) => [
    primaryKey({ name: "run_decisions_pkey", columns: [t.runId, t.userId] }),
    // What is still to be done: fan-out's high-water mark, closing the run and the re-queueing of lost jobs read it.
    index("run_decisions_open_idx").on(t.runId, t.userId).where(sql`${t.outcome} = 'open'`),
    // For the list of a run's failures, and of those skipped for a reason; rows of users who are paid have no entry.
    index("run_decisions_failed_idx").on(t.runId, t.userId).where(sql`${t.outcome} = 'failed'`),
    index("run_decisions_skipped_idx").on(t.runId, t.reason, t.userId).where(sql`${t.outcome} = 'skipped'`),
    check("run_decisions_decision_known", oneOf(t.decision, decisions)),
    check("run_decisions_reason_known", oneOf(t.reason, skipReasons)),
    check("run_decisions_outcome_known", oneOf(t.outcome, outcomes)),
    check("run_decisions_skip_is_settled", sql`${t.decision} = 'pay' or ${t.outcome} = 'skipped'`),
    check("run_decisions_skip_has_reason", sql`(${t.outcome} = 'skipped') = (${t.reason} is not null)`),
    check("run_decisions_invoiced_has_invoice", sql`(${t.outcome} = 'invoiced') = (${t.invoiceId} is not null)`),
    check("run_decisions_failed_has_error", sql`(${t.outcome} = 'failed') = (${t.error} is not null)`),
    check("run_decisions_balance_positive", sql`${t.balanceCents} > 0`),
  ],
);
