import { guardedChangeKinds, guardedChangeStatuses, stopReasons } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { check, index, integer, jsonb, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { admins } from "./admins.ts";
import { id, instant, isOneOf, reference } from "./columns.ts";

/**
 * Changes of access and of rules that needed a second person when they were requested (docs/decisions/0023). They are never
 * deleted.
 */
export const guardedChanges = pgTable(
  "guarded_changes",
  {
    id: id(),
    kind: text({ enum: guardedChangeKinds }).notNull(),
    /** What is changed, as the audit log names it: `settings`, or `admin:alice@example.com`. */
    object: text().notNull(),
    /** The values to set, by name: settings, or the role and whether the administrator is disabled. */
    wanted: jsonb().notNull(),
    /** What the change depends on, as it was when the change was requested. */
    seen: jsonb().notNull(),
    requestedBy: reference()
      .notNull()
      .references(() => admins.id, { onDelete: "restrict" }),
    /** The requester's `rights_version` at the request. */
    requesterVersion: integer().notNull().default(0),
    requestedAt: instant().notNull(),
    /** When its alert had been raised, with which the wait begins; null before the first tick after the request. */
    announcedAt: instant(),
    status: text({ enum: guardedChangeStatuses }).notNull().default("waiting"),
    /** Who confirmed or stopped it, as in the audit log; `system` for what the tick did. */
    decidedBy: text(),
    decidedAt: instant(),
    /** Why it was not made. */
    stopReason: text({ enum: stopReasons }),
  },
  (t) => [
    uniqueIndex("guarded_changes_one_waiting").on(t.kind, t.object).where(sql`${t.status} = 'waiting'`),
    index("guarded_changes_requester_idx").on(t.requestedBy, t.requestedAt),
    check("guarded_changes_kind_known", isOneOf(t.kind, guardedChangeKinds)),
    check("guarded_changes_status_known", isOneOf(t.status, guardedChangeStatuses)),
    check("guarded_changes_object", sql`(${t.kind} = 'settings') = (${t.object} = 'settings')`),
    check(
      "guarded_changes_decided",
      sql`num_nulls(${t.decidedBy}, ${t.decidedAt}) = case ${t.status} when 'waiting' then 2 else 0 end`,
    ),
    check("guarded_changes_stop_reason", sql`(${t.status} = 'stopped') = (${t.stopReason} is not null)`),
    check("guarded_changes_stop_reason_known", isOneOf(t.stopReason, stopReasons)),
  ],
);
