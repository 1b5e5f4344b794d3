import { type AuditContext, type GuardedChangeKind, issuesPassword, stopReasons } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { nullable, oneOf } from "../decoders.ts";
import { endOfWait, hasNewPower, stateBehind } from "../guarded-state.ts";
import { settingAssignments, settingsAsJson } from "../setting-columns.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";
import { NEXT_CREDENTIALS, signedOut } from "./change-secret.ts";
import { NO_SECOND_FACTOR } from "./clear-second-factor.ts";

const refusals = ["not-an-admin", "new-power", "same-person", "requester-new-power", "too-early"] as const;

/**
 * Why a guarded change still waits:
 * - `not-an-admin`: who confirms it is no longer an enabled administrator of the role `admin`.
 * - `new-power`: who confirms it was given their account, password or role by another person only recently.
 * - `same-person`: who confirms it requested it, and the wait is not over.
 * - `requester-new-power`: who requested it was given their account, password or role by another person only recently, and the
 *   wait is not over. The person who gave it may be the one who requested.
 * - `too-early`: the tick is not to make it yet.
 */
export type SettleRefusal = (typeof refusals)[number];

export type SettledChange =
  | { readonly status: "applied" }
  /** It was not made, and never will be. */
  | { readonly status: "stopped"; readonly reason: (typeof stopReasons)[number] }
  | { readonly status: "refused"; readonly refusal: SettleRefusal }
  /** There is no such change, or it was decided before. */
  | { readonly status: "not-waiting" };

export interface Settlement extends AuditContext {
  readonly changeId: number;
  /** The change's kind, which never changes. */
  readonly kind: GuardedChangeKind;
  /** The id of the administrator who confirms the change; null for the tick, which makes what has waited long enough. */
  readonly confirmedBy: number | null;
  /** For the kinds that issue a password: the hash of the one to issue. */
  readonly passwordHash: string | null;
  readonly now: Date;
}

/**
 * Makes a guarded change, if everything is still as it was when the change was requested; otherwise stops it. Of several calls
 * at once one makes it.
 *
 * @throws Error when a change that issues a password comes without its hash
 */
export async function settleChange(db: Db, settlement: Settlement): Promise<SettledChange> {
  const { changeId, kind, confirmedBy, actor } = settlement;
  if (issuesPassword(kind) && settlement.passwordHash === null)
    throw new Error(`a change ${kind} needs a password hash`);
  const now = instantParam(settlement.now);
  const state = stateBehind(kind, sql`c.object`, { settings: "settings_now", admins: "everyone" });
  const [settled] = await rowsOf(
    db,
    { refusal: nullable(oneOf(refusals)), stopReason: nullable(oneOf(stopReasons)) },
    sql`
    with change as (
      select * from guarded_changes where id = ${changeId}::bigint and kind = ${kind} and status = 'waiting' for update
    ), everyone as (
      -- In key order, as everywhere: first the change, then administrators, then settings. Each is read after waiting for the
      -- transactions that change it at this moment.
      select * from admins where (select count(*) from change) > 0 order by id for no key update
    ), settings_now as (
      select * from settings where (select count(*) from everyone) > 0 for update
    ), judged as (
      select c.id, c.object, c.wanted, c.seen, requester.email as requester,
        case
          when ${confirmedBy}::bigint is null then case when not waited.is_over then 'too-early' end
          when confirmer.id is null then 'not-an-admin'
          when ${hasNewPower("confirmer", now)} then 'new-power'
          when waited.is_over then null
          when confirmer.id = c.requested_by then 'same-person'
          when ${hasNewPower("requester", now)} then 'requester-new-power'
        end as refusal,
        case
          when requester.role <> 'admin' or requester.disabled_at is not null
            or requester.rights_version <> c.requester_version then 'requester-lost-rights'
          when (${state} @> c.seen) is not true then 'object-changed'
        end as stop_reason
      from change c join everyone requester on requester.id = c.requested_by
        cross join lateral (select coalesce(${endOfWait("c")} <= ${now}, false) as is_over) waited
        left join everyone confirmer on confirmer.id = ${confirmedBy}::bigint and confirmer.role = 'admin'
          and confirmer.disabled_at is null
    ), permitted as (
      select * from judged where refusal is null and stop_reason is null
    ), ${effects[kind](settlement)}, outcome as (
      select id, object, requester, refusal, case when refusal is null and not exists (select from made)
        then coalesce(stop_reason, 'object-changed') end as stop_reason
      from judged
    ), settled as (
      update guarded_changes g
      set status = case when o.stop_reason is null then 'applied' else 'stopped' end, stop_reason = o.stop_reason,
        decided_by = ${actor}, decided_at = ${now}
      from outcome o where g.id = o.id and o.refusal is null
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
      select ${now}, ${actor}::text, m.action, o.object, m.before,
        coalesce(m.after, '{}') || jsonb_build_object('change', o.id, 'requestedBy', o.requester), ${requestParams(settlement)}
      from outcome o cross join made m
      union all
      select ${now}, ${actor}::text, 'change.stop', 'change:' || o.id, null,
        jsonb_build_object('kind', ${kind}::text, 'object', o.object, 'reason', o.stop_reason), ${requestParams(settlement)}
      from outcome o where o.stop_reason is not null
    )
    select refusal, stop_reason from outcome`,
  );
  if (!settled) return { status: "not-waiting" };
  if (settled.refusal) return { status: "refused", refusal: settled.refusal };
  return settled.stopReason ? { status: "stopped", reason: settled.stopReason } : { status: "applied" };
}

/** The CTEs that make the change in `permitted`. `made` has one row, for the audit log, if the change was made. */
const effects: Readonly<Record<GuardedChangeKind, (settlement: Settlement) => SQL>> = {
  settings: ({ now }) => sql`
    wanted as (
      select n.id, p.requester, ${settingsAsJson("n")} as before, ${settingsAsJson("n")} || p.wanted as after
      from permitted p cross join settings_now n
    ), made as (
      update settings s set ${settingAssignments(sql`w.after`)}, updated_at = ${instantParam(now)}, updated_by = w.requester
      from wanted w where s.id = w.id
      returning 'settings.change' as action, w.before, w.after
    )`,

  "create-admin": ({ now, passwordHash }) => sql`
    made as (
      insert into admins (email, role, password_hash, must_change_password, empowered_at, created_at, created_by)
      select substr(object, length('admin:') + 1), wanted ->> 'role', ${passwordHash}, true, ${instantParam(now)}, ${instantParam(now)},
        requester
      from permitted
      on conflict (email) do nothing
      returning id, 'admin.create' as action, null::jsonb as before, jsonb_build_object('role', role) as after
    )`,

  "change-admin": ({ now }) => sql`
    made as (
      update admins a
      set role = coalesce(p.wanted ->> 'role', a.role), empowered_at = ${instantParam(now)},
        disabled_at = case (p.wanted ->> 'isDisabled')::boolean when true then ${instantParam(now)} when false then null
          else a.disabled_at end,
        credentials_version = a.credentials_version + coalesce((p.wanted ->> 'isDisabled')::boolean, false)::int,
        rights_version = a.rights_version + 1
      from permitted p where 'admin:' || a.email = p.object
      returning a.id, 'admin.change' as action, p.seen as before,
        jsonb_build_object('role', a.role, 'isDisabled', a.disabled_at is not null) as after
    )`,

  "reset-password": ({ now, passwordHash }) =>
    newSecret("admin.password", now, sql`password_hash = ${passwordHash}, must_change_password = true`),

  "remove-second-factor": ({ now }) => newSecret("admin.no-second-factor", now, NO_SECOND_FACTOR),
};

function newSecret(action: string, now: Date, set: SQL): SQL {
  return sql`
    made as (
      update admins a set ${set}, ${NEXT_CREDENTIALS}, empowered_at = ${instantParam(now)}
      from permitted p where 'admin:' || a.email = p.object
      returning a.id, ${action}::text as action, null::jsonb as before, null::jsonb as after
    ), ${signedOut("made", now, null)}`;
}
