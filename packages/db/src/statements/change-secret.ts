import type { AuditContext } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, id, nullable } from "../decoders.ts";
import { theRule } from "../guarded-state.ts";
import { instantParam, requestParams, rowOf } from "../sql.ts";

export type SecretChange =
  | { readonly status: "changed"; readonly adminId: number }
  /** There is no such administrator, the condition does not hold, another change came first, or the own session has ended. */
  | { readonly status: "unchanged" }
  | { readonly status: "needs-second-person" };

/** The session in which an administrator changes their own secrets. It stays open, and its browser stays known. */
export interface OwnSession {
  readonly sessionId: number;
  /** As it was when the request came: the change is made only if no other one came in between. */
  readonly credentialsVersion: number;
}

/** The assignment that invalidates all sessions, also those that are being opened at this moment. */
export const NEXT_CREDENTIALS = sql`credentials_version = credentials_version + 1`;

/**
 * Sets the columns of a secret of an administrator, ends their sessions, forgets their browsers and writes the audit row.
 *
 * @param change.set the assignments of the UPDATE
 * @param change.onlyIf a condition of the change
 * @param change.isGuarded whether the change is refused while the two-person rule is on
 * @param change.ownSession the session of the request, if it is one of the administrator's
 */
export async function changeSecret(
  db: Db,
  input: AuditContext & { email: string; now: Date },
  change: { action: string; set: SQL; onlyIf?: SQL; isGuarded: boolean; ownSession: OwnSession | null },
): Promise<SecretChange> {
  const { ownSession } = change;
  const sessionId = ownSession?.sessionId ?? null;
  const { adminId, isHeld } = await rowOf(
    db,
    { adminId: nullable(id), isHeld: flag },
    sql`
    with target as (
      -- PostgreSQL tests the version again after it has waited for another change.
      select id as target_id from admins where email = ${input.email.toLowerCase()}
        and credentials_version = coalesce(${ownSession?.credentialsVersion ?? null}::int, credentials_version)
        and (${sessionId}::bigint is null
          or exists (select from admin_sessions where id = ${sessionId}::bigint and ended_at is null))
      for no key update
    ), ${theRule("target")}, held as (
      select from target where ${change.isGuarded}::boolean and (select is_on from rule)
    ), changed as (
      update admins set ${change.set}, ${NEXT_CREDENTIALS} from target
      where id = target_id and not exists (select from held) and ${change.onlyIf ?? sql`true`}
      returning id, email, credentials_version
    ), ${signedOut("changed", input.now, sessionId)}, kept as (
      update admin_sessions s
      set credentials_version = c.credentials_version, proposed_secret = null, proposed_at = null
      from changed c
      where s.admin_id = c.id and s.id = ${sessionId}::bigint
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
