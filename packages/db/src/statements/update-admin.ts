import { type AdminRole, type AuditContext, adminRoles } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, id, nullable } from "../decoders.ts";
import { theRule } from "../guarded-state.ts";
import { instantParam, requestParams, rowOf } from "../sql.ts";

export type AdminChange =
  | { readonly status: "changed"; readonly adminId: number }
  | { readonly status: "unknown-admin" | "last-admin" | "needs-second-person" };

/**
 * Changes the role of an administrator, or disables or enables them. A disabled administrator is signed out everywhere. What
 * changes nothing has no audit row. The guarded changes that an administrator requested are stopped when the role `admin` is taken
 * from them or they are disabled: they do not come back with the rights.
 *
 * @param input.isGuarded whether a change that gives more than the rights of a viewer is refused while the two-person rule is on
 * @returns `last-admin` when the change was refused, because no enabled administrator of role `admin` would be left to
 *   manage the others; `needs-second-person` when it was refused as guarded; `unknown-admin` for an unknown e-mail
 */
export async function updateAdmin(
  db: Db,
  input: AuditContext & { email: string; role?: AdminRole; isDisabled?: boolean; isGuarded?: boolean; now: Date },
): Promise<AdminChange> {
  const role = input.role ?? null;
  const isDisabled = input.isDisabled ?? null;
  const { found, isHeld, adminId } = await rowOf(
    db,
    { found: flag, isHeld: flag, adminId: nullable(id) },
    sql`
    with requested as (
      -- Changes come before administrators, and those before the settings, as where a change is settled.
      select g.id from guarded_changes g join admins a on a.id = g.requested_by
      where a.email = ${input.email.toLowerCase()} and g.status = 'waiting' order by g.id for update of g
    ), everyone as (
      -- Locks all of them in key order: two administrators who demote each other at once must not both succeed.
      select id, email, role, disabled_at from admins where (select count(*) from requested) >= 0 order by id for update
    ), ${theRule("everyone")}, wanted as (
      select id, email, role as role_before, disabled_at as disabled_before, coalesce(${role}::text, role) as role,
        case ${isDisabled}::boolean when true then coalesce(disabled_at, ${instantParam(input.now)}) when false then null else disabled_at end
          as disabled_at
      from everyone where email = ${input.email.toLowerCase()}
    ), judged as (
      select *, ${powerOf("role", "disabled_at")} > ${powerOf("role_before", "disabled_before")} as is_raised,
        ${input.isGuarded ?? false}::boolean and (select is_on from rule)
          and ${powerOf("role", "disabled_at")} > greatest(${powerOf("role_before", "disabled_before")}, 1) as is_held
      from wanted
    ), changed as (
      update admins a set role = w.role, disabled_at = w.disabled_at,
        credentials_version = a.credentials_version + (w.disabled_at is not null and w.disabled_before is null)::int,
        rights_version = a.rights_version + (w.role_before = 'admin' and w.disabled_before is null
          and (w.role <> 'admin' or w.disabled_at is not null))::int,
        empowered_at = case when w.is_raised then ${instantParam(input.now)} else a.empowered_at end
      from judged w
      where a.id = w.id and not w.is_held and (
        (w.role = 'admin' and w.disabled_at is null)
        or exists (select from everyone e where e.id <> w.id and e.role = 'admin' and e.disabled_at is null))
      returning a.id, a.email, w.role_before, w.disabled_before, a.role, a.disabled_at
    ), ended as (
      update admin_sessions s set ended_at = ${instantParam(input.now)}
      from changed c where s.admin_id = c.id and c.disabled_at is not null and s.ended_at is null
    ), stopped as (
      update guarded_changes g set status = 'stopped', decided_by = ${input.actor}, decided_at = ${instantParam(input.now)},
        stop_reason = 'requester-lost-rights'
      from requested r cross join changed c
      where g.id = r.id and (c.role <> 'admin' or c.disabled_at is not null)
      returning g.id, g.kind, g.object, g.stop_reason
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'admin.change', 'admin:' || email,
        jsonb_build_object('role', role_before, 'isDisabled', disabled_before is not null),
        jsonb_build_object('role', role, 'isDisabled', disabled_at is not null), ${requestParams(input)}
      from changed where role <> role_before or disabled_at is distinct from disabled_before
      union all
      select ${instantParam(input.now)}, ${input.actor}, 'change.stop', 'change:' || id, null,
        jsonb_build_object('kind', kind, 'object', object, 'reason', stop_reason), ${requestParams(input)}
      from stopped
    )
    select exists (select from wanted) as found, exists (select from judged where is_held) as is_held,
      (select id from changed) as admin_id`,
  );
  if (!found) return { status: "unknown-admin" };
  if (isHeld) return { status: "needs-second-person" };
  return adminId === null ? { status: "last-admin" } : { status: "changed", adminId };
}

/** What an administrator may do, as a number: 0 when disabled, 1 for a viewer, more for higher roles. */
function powerOf(role: string, disabledAt: string): SQL {
  const roles = sql.raw(`array['${adminRoles.join("', '")}']`);
  return sql`case when ${sql.raw(disabledAt)} is not null then 0 else array_position(${roles}, ${sql.raw(role)}) end`;
}
