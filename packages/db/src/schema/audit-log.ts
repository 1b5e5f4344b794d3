import { sql } from "drizzle-orm";
import { index, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { id, instant } from "./columns.ts";

/** Append-only (a trigger refuses UPDATE and DELETE): who changed what, from what to what, and why. */
export const auditLog = pgTable(
  "audit_log",
  {
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
    /** What belongs together: the id of an import or of an HTTP request. */
    requestId: text(),
    /** Where that request came from. */
    clientAddress: text(),
  },
  (t) => [
    index("audit_log_at_idx").on(t.at, t.id),
    index("audit_log_object_idx").on(t.object, t.at, t.id),
    // Nearly all rows are one of these two by the system: a list of them walks the index above.
    index("audit_log_action_idx")
      .on(t.action, t.at, t.id)
      .where(sql`${t.action} not in ('invoice.create', 'decision.skip')`),
    index("audit_log_actor_idx").on(t.actor, t.at, t.id).where(sql`${t.actor} <> 'system'`),
  ],
);
