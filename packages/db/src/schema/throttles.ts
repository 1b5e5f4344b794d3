import { index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/**
 * Counts tries to prove an identity within a time window, for all API processes together. Rows whose window has ended are
 * ignored, and deleted by the ticks.
 */
export const throttles = pgTable(
  "throttles",
  {
    key: text().primaryKey(),
    /** The e-mail whose tries are counted, known or not; null when those of an address are counted. */
    account: text(),
    tries: integer().notNull(),
    windowEndsAt: instant().notNull(),
  },
  (t) => [index("throttles_window_idx").on(t.windowEndsAt)],
);
