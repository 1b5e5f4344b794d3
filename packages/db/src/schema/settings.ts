import { type AnyColumn, type SQL, sql } from "drizzle-orm";
import { check, integer, pgTable, smallint, text } from "drizzle-orm/pg-core";
import { cents, instant, isWithinCeiling } from "./columns.ts";

/** One row, created by a migration: the rules that administrators may change while the system runs. */
export const settings = pgTable(
  "settings",
  {
    id: smallint().primaryKey().default(1),
    /** An invoice above this amount is paid only when two people approve it; null switches the rule off. */
    twoPersonAboveCents: cents(),
    /** A user whose Binance e-mail changed within this many days before the run was opened waits for a later date; 0 for off. */
    coolingOffDays: integer().notNull().default(0),
    /** An alert is raised after this many days with pending invoices and no review; 0 for never. */
    reviewAlertDays: integer().notNull().default(3),
    /** A credit, an adjustment or an opening balance above this amount is refused. */
    largestEntryCents: cents().notNull().default(sql`100000000`),
    /** What would take a balance further from zero than this amount, on either side, is refused. */
    largestBalanceCents: cents().notNull().default(sql`1000000000`),
    updatedAt: instant().notNull(),
    updatedBy: text().notNull(),
  },
  (t) => [
    check("settings_one_row", sql`${t.id} = 1`),
    check("settings_two_person_not_negative", sql`${t.twoPersonAboveCents} >= 0`),
    check("settings_cooling_off_days", sql`${t.coolingOffDays} between 0 and 365`),
    check("settings_largest_entry", isLimit(t.largestEntryCents)),
    check("settings_largest_balance", isLimit(t.largestBalanceCents)),
    check("settings_review_alert_days", sql`${t.reviewAlertDays} between 0 and 365`),
  ],
);

function isLimit(column: AnyColumn): SQL {
  return sql`${column} > 0 and ${isWithinCeiling(column)}`;
}
