import {
  alertChannels,
  alertEvents,
  alertRanks,
  datedAlertEvents,
  deliveryTransitions,
  statesOf,
} from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { check, date, index, integer, pgTable, smallint, text, unique } from "drizzle-orm/pg-core";
import { id, instant, isOneOf, reference } from "./columns.ts";

const states = statesOf(deliveryTransitions);

/** Alerts raised. The key names the event, such as `run-finished:2026-12-07:0`; it is unique, so an event alerts once. */
export const alerts = pgTable(
  "alerts",
  {
    id: id(),
    key: text().notNull().unique("alerts_key"),
    event: text({ enum: alertEvents }).notNull(),
    /** The payment date that the alert is about; null for an event that is about none. */
    paymentDate: date({ mode: "string" }),
    raisedAt: instant().notNull(),
  },
  (t) => [
    check("alerts_event_known", isOneOf(t.event, alertEvents)),
    check("alerts_payment_date", sql`(${isOneOf(t.event, datedAlertEvents)}) = (${t.paymentDate} is not null)`),
  ],
);

/** One alert through one channel. An `open` delivery is still to be sent, whether or not the queue has a job for it. */
export const alertDeliveries = pgTable(
  "alert_deliveries",
  {
    id: id(),
    alertId: reference()
      .notNull()
      .references(() => alerts.id, { onDelete: "restrict" }),
    channel: text({ enum: alertChannels }).notNull(),
    state: text().$type<keyof typeof deliveryTransitions>().notNull().default("open"),
    /** That of the alert's event (`rankOfAlert`), for the index: deliveries of a lower rank are made first. */
    rank: smallint().notNull().default(3),
    attempts: integer().notNull().default(0),
    /** Why the last attempt failed: one line without secrets or personal data. */
    error: text(),
    settledAt: instant(),
  },
  (t) => [
    unique("alert_deliveries_one_per_channel").on(t.alertId, t.channel),
    // In the order in which deliveries are queued, those of each channel and rank for themselves.
    index("alert_deliveries_queue_idx").on(t.channel, t.rank, t.attempts, t.id).where(sql`${t.state} = 'open'`),
    check("alert_deliveries_rank_known", sql`${t.rank} in ${sql.raw(`(${alertRanks.join(", ")})`)}`),
    check("alert_deliveries_channel_known", isOneOf(t.channel, alertChannels)),
    check("alert_deliveries_state_known", isOneOf(t.state, states)),
    check("alert_deliveries_settled_at", sql`(${t.state} = 'open') = (${t.settledAt} is null)`),
    check("alert_deliveries_failed_has_error", sql`${t.state} <> 'failed' or ${t.error} is not null`),
  ],
);
