import { decisions, outcomeTransitions, skipReasons, statesOf } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { check, index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { cents, instant, isOneOf, reference } from "./columns.ts";

const outcomes = statesOf(outcomeTransitions);

/**
 * What a run decided for each user considered, frozen: the work list of the run and the answer to "why was I (not) paid?".
 * Triggers check the references to run, user and invoice per statement (docs/decisions/0009).
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
    // Decisions still to be settled; read by the fan-out, the closing of the run and the re-queueing of lost jobs.
    index("run_decisions_open_idx").on(t.runId, t.userId).where(sql`${t.outcome} = 'open'`),
    // For lists of failed decisions, and of those skipped for a reason. Decisions that are invoiced have no entry.
    index("run_decisions_failed_idx").on(t.runId, t.userId).where(sql`${t.outcome} = 'failed'`),
    index("run_decisions_skipped_idx").on(t.runId, t.reason, t.userId).where(sql`${t.outcome} = 'skipped'`),
    check("run_decisions_decision_known", isOneOf(t.decision, decisions)),
    check("run_decisions_reason_known", isOneOf(t.reason, skipReasons)),
    check("run_decisions_outcome_known", isOneOf(t.outcome, outcomes)),
    check("run_decisions_skip_is_settled", sql`${t.decision} = 'pay' or ${t.outcome} = 'skipped'`),
    check("run_decisions_skip_has_reason", sql`(${t.outcome} = 'skipped') = (${t.reason} is not null)`),
    check("run_decisions_invoiced_has_invoice", sql`(${t.outcome} = 'invoiced') = (${t.invoiceId} is not null)`),
    check("run_decisions_failed_has_error", sql`(${t.outcome} = 'failed') = (${t.error} is not null)`),
    check("run_decisions_balance_positive", sql`${t.balanceCents} > 0`),
  ],
);
