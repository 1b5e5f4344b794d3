import type { AuditContext } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, id, nullable } from "../decoders.ts";
import { theRule } from "../guarded-state.ts";
import { instantParam, requestParams, rowOf } from "../sql.ts";

export type SecretChange =
  | { readonly status: "changed"; readonly adminId: number }
  /** There is no such administrator, or the condition does not hold. */
  | { readonly status: "unchanged" }
  | { readonly status: "needs-second-person" };

/**
 * Sets the columns of a secret of an administrator, ends their sessions, forgets their browsers and writes the audit row.
 *
 * @param change.set the assignments of the UPDATE
 * @param change.onlyIf a condition of the change
 * @param change.isGuarded whether the change is refused while the two-person rule is on
 * @param change.exceptSessionId the session that stays open, and whose browser stays known; null ends all
 */
export async function changeSecret(
  db: Db,
  input: AuditContext & { email: string; now: Date },
  change: { action: string; set: SQL; onlyIf?: SQL; isGuarded: boolean; exceptSessionId: number | null },
): Promise<SecretChange> {
  const { adminId, isHeld } = await rowOf(
    db,
    { adminId: nullable(id), isHeld: flag },
    sql`
    with target as (
      select id as target_id from admins where email = ${input.email.toLowerCase()} for no key update
    ), ${theRule("target")}, held as (
      select from target where ${change.isGuarded}::boolean and (select is_on from rule)
    ), changed as (
      update admins set ${change.set} from target
      where id = target_id and not exists (select from held) and ${change.onlyIf ?? sql`true`}
      returning id, email
    ), ${signedOut("changed", input.now, change.exceptSessionId)}, settled as (
      update admin_sessions s set proposed_secret = null, proposed_at = null
      from changed c
      where s.admin_id = c.id and s.id = ${change.exceptSessionId}::bigint and s.proposed_secret is not null
    ), audit as (
      insert into audit_log (at, actor, action, object, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, ${change.action}, 'admin:' || email, ${requestParams(input)} from changed
    )
    select (select id from changed) as admin_id, exists (select from held) as is_held`,
  );
  if (isHeld) return { status: "needs-second-person" };
  return adminId === null ? { status: "unchanged" } : { status: "changed", adminId };
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
