import { sql } from "drizzle-orm";
import { check, date, pgTable, smallint, text } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/**
 * One row: the instants of the first tick ever (going live) and of the last one (the heartbeat), how the last ticks ended,
 * and the first and the last tick with an alert channel. Runs that finished while there was no channel raise no alert.
 */
export const scheduler = pgTable(
  "scheduler",
  {
    id: smallint().primaryKey().default(1),
    liveSince: instant().notNull(),
    /**
     * The first local date that is run automatically. It is computed once, so that a later change of the schedule does not
     * make an earlier date due. Null until the first tick of a version that knows the column.
     */
    liveFrom: date({ mode: "string" }),
    lastTickAt: instant().notNull(),
    /** The first tick since the last one that came to its end; null while none is under way. */
    unfinishedSince: instant(),
    /** The last tick that did every step; null before there is one. */
    lastSuccessAt: instant(),
    /** Since when every tick has failed at a step; null after a tick that did every step. */
    failingSince: instant(),
    lastFailureAt: instant(),
    /** The steps at which the last failed tick failed, and why the first of them did, in one line without personal data. */
    failedSteps: text(),
    failure: text(),
    alertingSince: instant(),
    lastAlertingTickAt: instant(),
    /** The schedule that the ticks follow: cron pattern and zone, and when a tick first and last followed it. */
    schedulePattern: text(),
    scheduleTimeZone: text(),
    scheduleSince: instant(),
    scheduleSeenAt: instant(),
    /** The schedule before that one, and when a tick last followed it: afterwards, too, when workers disagree. */
    pastPattern: text(),
    pastTimeZone: text(),
    pastSeenAt: instant(),
  },
  (t) => [
    check(
      "scheduler_failure",
      sql`num_nulls(${t.lastFailureAt}, ${t.failedSteps}, ${t.failure}) in (0, 3) and (${t.failingSince} is null or ${t.lastFailureAt} is not null)`,
    ),
    check("scheduler_one_row", sql`${t.id} = 1`),
    check("scheduler_alerting", sql`(${t.alertingSince} is null) = (${t.lastAlertingTickAt} is null)`),
    check(
      "scheduler_schedule",
      sql`num_nulls(${t.schedulePattern}, ${t.scheduleTimeZone}, ${t.scheduleSince}, ${t.scheduleSeenAt}) in (0, 4)`,
    ),
    check("scheduler_past", sql`num_nulls(${t.pastPattern}, ${t.pastTimeZone}, ${t.pastSeenAt}) in (0, 3)`),
  ],
);
