import { sql } from "drizzle-orm";
import { check, pgTable, smallint } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/**
 * One row: when the first tick ever came (going live) and when the last one did (the heartbeat). The same for ticks with
 * a channel for alerts: nobody is told of runs that finished while there was none.
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
