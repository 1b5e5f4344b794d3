import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/** Counts sign-in attempts within a time window, for all API processes together. Rows whose window has ended are ignored. */
export const throttles = pgTable("throttles", {
  key: text().primaryKey(),
  tries: integer().notNull(),
  windowEndsAt: instant().notNull(),
});
