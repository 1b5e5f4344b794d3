import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/** Counts tries to sign in within a window of time, for all API processes together. Rows whose window is over mean nothing. */
export const throttles = pgTable("throttles", {
  key: text().primaryKey(),
  tries: integer().notNull(),
  windowEndsAt: instant().notNull(),
});
