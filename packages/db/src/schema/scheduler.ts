import { sql } from "drizzle-orm";
import { check, pgTable, smallint } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/**
 * One row: the instants of the first tick ever (going live) and of the last one (the heartbeat), and the same for ticks
 * with an alert channel. Runs that finished while there was no channel raise no alert.
 */
export const scheduler = pgTable(
  "scheduler",
  {
    id: smallint().primaryKey().default(1),
    liveSince: instant().notNull(),
    lastTickAt: instant().notNull(),
    alertingSince: instant(),
    lastAlertingTickAt: instant(),
  },
  (t) => [
    check("scheduler_one_row", sql`${t.id} = 1`),
    check("scheduler_alerting", sql`(${t.alertingSince} is null) = (${t.lastAlertingTickAt} is null)`),
  ],
);
