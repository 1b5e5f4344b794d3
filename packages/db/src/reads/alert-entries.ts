import { alertKeyPrefix, idInAlertKey } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { relaxesSettings } from "../setting-columns.ts";
import { instantParam, rowsOf } from "../sql.ts";
import { type AuditEntry, entryColumns } from "./audit-log.ts";

/** What an entry of the audit log must be to raise an alert, by the alert's event. */
const conditions = {
  "admin-created": sql`l.action = 'admin.create'`,
  "admin-changed": sql`l.action = 'admin.change' and l.before is distinct from l.after - 'change' - 'requestedBy'`,
  // One's own secrets raise none.
  "credentials-changed": sql`l.action in ('admin.password', 'admin.no-second-factor')
    and (l.object <> 'admin:' || l.actor or l.after ? 'requestedBy')`,
  "rule-relaxed": sql`l.action = 'settings.change' and ${relaxesSettings(sql`l.before`, sql`l.after`)}`,
  "token-created": sql`l.action = 'token.create'`,
} satisfies Record<string, SQL>;

/** The events whose alerts are raised by one entry of the audit log. */
export type EntryEvent = keyof typeof conditions;

/**
 * The entries since an instant for which an alert of an event is to be raised, oldest first. Entries whose alert was raised do
 * not count, so that many new entries only delay the alerts of others.
 */
export async function listEntriesToAlert(
  db: Db,
  { event, since, limit }: { event: EntryEvent; since: Date; limit: number },
): Promise<AuditEntry[]> {
  return select(
    db,
    sql`${conditions[event]} and l.at >= ${instantParam(since)}
      and not exists (select from alerts a where a.key = ${alertKeyPrefix(event)} || l.id)`,
    limit,
  );
}

/** The entry since an instant of which an alert was raised; null if there is none. */
export async function findAlertedEntry(
  db: Db,
  { event, key, since }: { event: EntryEvent; key: string; since: Date },
): Promise<AuditEntry | null> {
  const entryId = idInAlertKey(event, key);
  const [entry] = await select(
    db,
    sql`${conditions[event]} and l.at >= ${instantParam(since)} and l.id = ${entryId}::bigint`,
    1,
  );
  return entry ?? null;
}

function select(db: Db, condition: SQL, limit: number): Promise<AuditEntry[]> {
  return rowsOf(
    db,
    entryColumns,
    sql`
    select l.* from audit_log l
    where ${condition} and l.action not in ('invoice.create', 'decision.skip')
    order by l.at, l.id limit ${limit}`,
  );
}
