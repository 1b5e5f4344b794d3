import { sql } from "drizzle-orm";
import { index, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { id, instant } from "./columns.ts";

/** Append-only (a trigger refuses UPDATE, DELETE and TRUNCATE): who changed what and why, with the state before and after. */
export const auditLog = pgTable(
  "audit_log",
  {
    id: id(),
    at: instant().notNull(),
    actor: text().notNull(),
    /** A noun and a verb, such as `invoice.reject`. */
    action: text().notNull(),
    /** The object changed, such as `invoice:INV-20261207-17` or `user:42` (the internal id). */
    object: text().notNull(),
    reason: text(),
    before: jsonb(),
    after: jsonb(),
    /** The id of the import or HTTP request that the row belongs to. */
    requestId: text(),
    /** The network address of the HTTP client. */
    clientAddress: text(),
  },
  (t) => [
    index("audit_log_at_idx").on(t.at, t.id),
    // Without the creation of invoices, which is most of the rows: it is found by the instant at which the invoice was created.
    index("audit_log_object_idx").on(t.object, t.at, t.id).where(sql`${t.action} <> 'invoice.create'`),
    // Nearly all rows have one of these two actions, and the actor `system`; lists of them use the index on `at`.
    index("audit_log_action_idx")
      .on(t.action, t.at, t.id)
      .where(sql`${t.action} not in ('invoice.create', 'decision.skip')`),
    index("audit_log_actor_idx").on(t.actor, t.at, t.id).where(sql`${t.actor} <> 'system'`),
  ],
);
