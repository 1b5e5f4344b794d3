import { sql } from "drizzle-orm";
import { check, pgTable, smallint } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/** One row: when the first tick ever came (going live) and when the last one did (the heartbeat). */
export const scheduler = pgTable(
  "scheduler",
  {
    id: smallint().primaryKey().default(1),
    liveSince: instant().notNull(),
    lastTickAt: instant().notNull(),
  },
  (t) => [check("scheduler_one_row", sql`${t.id} = 1`)],
);
