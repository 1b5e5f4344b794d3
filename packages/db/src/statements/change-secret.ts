import type { AuditContext } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id } from "../decoders.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

/**
 * Sets the columns of a secret of an administrator, ends their sessions, forgets their browsers and writes the audit row.
 *
 * @param change.set the assignments of the UPDATE
 * @param change.onlyIf a condition of the change
 * @param change.exceptSessionId the session that stays open, and whose browser stays known; null ends all
 * @returns the id of the administrator; null for an unknown e-mail, or when the condition does not hold
 */
export async function changeSecret(
  db: Db,
  input: AuditContext & { email: string; now: Date },
  change: { action: string; set: SQL; onlyIf?: SQL; exceptSessionId: number | null },
): Promise<number | null> {
  const [changed] = await rowsOf(
    db,
    { id },
    sql`
    with changed as (
      update admins set ${change.set} where email = ${input.email.toLowerCase()} and ${change.onlyIf ?? sql`true`} returning id, email
    ), ${signedOut("changed", input.now, change.exceptSessionId)}, settled as (
      update admin_sessions s set proposed_secret = null, proposed_at = null
      from changed c
      where s.admin_id = c.id and s.id = ${change.exceptSessionId}::bigint and s.proposed_secret is not null
    ), audit as (
      insert into audit_log (at, actor, action, object, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, ${change.action}, 'admin:' || email, ${requestParams(input)} from changed
    )
    select id from changed`,
  );
  return changed?.id ?? null;
}

/**
 * The CTEs by which an administrator with a new secret is signed out: their sessions end, and their browsers are forgotten,
 * since a person who knew the old secret must not keep the privileges of a known browser.
 *
 * @param changed the CTE with the administrator's `id`
 * @param exceptSessionId the session that stays open, and whose browser stays known; null ends all
 */
export function signedOut(changed: string, now: Date, exceptSessionId: number | null): SQL {
  const source = sql.raw(changed);
  return sql`ended as (
      update admin_sessions s set ended_at = ${instantParam(now)}
      from ${source} c
      where s.admin_id = c.id and s.ended_at is null and s.id is distinct from ${exceptSessionId}::bigint
    ), forgotten as (
      delete from admin_devices d
      using ${source} c
      where d.admin_id = c.id and d.session_id is distinct from ${exceptSessionId}::bigint
    )`;
}
