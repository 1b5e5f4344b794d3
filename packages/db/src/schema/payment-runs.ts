import { paymentKinds, runTransitions, runTriggers, statesOf } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { bigint, check, date, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { cents, id, instant, isOneOf } from "./columns.ts";

const states = statesOf(runTransitions);

/** The work for one payment date. One row per date, ever: the unique date makes a second scheduler harmless. */
export const paymentRuns = pgTable(
  "payment_runs",
  {
    id: id(),
    paymentDate: date({ mode: "string" }).notNull().unique("payment_runs_one_per_date"),
    kind: text({ enum: paymentKinds }).notNull(),
    trigger: text({ enum: runTriggers }).notNull(),
    state: text().$type<keyof typeof runTransitions>().notNull().default("deciding"),
    /** The minimum balance when the run was opened; later changes of the policy do not affect the run. */
    minimumBalanceCents: cents().notNull(),
    /** The cooling-off that applied when the run was opened, see `settings`. */
    coolingOffDays: integer().notNull().default(0),
    /** The rest of the policy at that time, for the record. */
    policy: jsonb().$type<Readonly<Record<string, string | number>>>().notNull(),
    openedBy: text().notNull(),
    /** The ids of the last user decided and the last user fanned out; after a crash the run resumes there. */
    decideCursor: bigint({ mode: "number" }).notNull().default(0),
    fanOutCursor: bigint({ mode: "number" }).notNull().default(0),
    /**
     * How often the fan-out was sent back to an earlier user, by a retry or because jobs were lost. A fan-out stores its cursor
     * only if this has not changed since it read the run.
     */
    fanOutRound: integer().notNull().default(0),
    /** How often failed decisions were opened again. Closing the run compares it, to notice a retry in between. */
    retries: integer().notNull().default(0),
    openedAt: instant().notNull(),
    decidedAt: instant(),
    fannedOutAt: instant(),
    completedAt: instant(),
    cancelledAt: instant(),
  },
  (t) => [
    check("payment_runs_kind_known", isOneOf(t.kind, paymentKinds)),
    check("payment_runs_trigger_known", isOneOf(t.trigger, runTriggers)),
    check("payment_runs_state_known", isOneOf(t.state, states)),
    check("payment_runs_on_a_monday", sql`extract(isodow from ${t.paymentDate}) = 1`),
    check("payment_runs_minimum_positive", sql`${t.minimumBalanceCents} > 0`),
    check("payment_runs_cancelled_at", sql`(${t.state} = 'cancelled') = (${t.cancelledAt} is not null)`),
    check("payment_runs_completed_at", sql`(${t.state} = 'completed') = (${t.completedAt} is not null)`),
  ],
);
