import { jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { id, instant } from "./columns.ts";

/** Append-only (a trigger refuses UPDATE and DELETE): who changed what, from what to what, and why. */
export const auditLog = pgTable("audit_log", {
  id: id(),
  at: instant().notNull(),
  actor: text().notNull(),
  /** A noun and a verb, such as `invoice.reject`. */
  action: text().notNull(),
  /** What was changed, such as `invoice:INV-20261207-17` or `user:42` (our id). */
  object: text().notNull(),
  reason: text(),
  before: jsonb(),
  after: jsonb(),
  /** What belongs together: the id of an import, later that of an HTTP request. */
  requestId: text(),
});
