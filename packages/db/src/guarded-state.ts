import { GUARDED_LONG_WAIT_MS, GUARDED_WAIT_MS, type GuardedChangeKind, NEW_POWER_MS } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import { settingsAsJson } from "./setting-columns.ts";

/** The tables, or CTEs that stand for them, whose present state is read. */
interface Sources {
  readonly settings: string;
  readonly admins: string;
}

/**
 * What a guarded change depends on, as JSON: null when its object does not exist. A change is only made if this is still as
 * it was when the change was requested. Secrets are digests, of which none can be guessed.
 *
 * @param object the change's object, as SQL
 */
export function stateBehind(kind: GuardedChangeKind, object: SQL, sources: Sources): SQL {
  if (kind === "settings") return sql`(select ${settingsAsJson("s")} from ${sql.raw(sources.settings)} s)`;
  if (kind === "create-admin") return sql`'{}'::jsonb`;
  return sql`(select ${fieldsOf[kind]} from ${sql.raw(sources.admins)} a where 'admin:' || a.email = ${object})`;
}

const fieldsOf: Readonly<Record<Exclude<GuardedChangeKind, "settings" | "create-admin">, SQL>> = {
  "change-admin": sql`jsonb_build_object('role', a.role, 'isDisabled', a.disabled_at is not null)`,
  "reset-password": sql`jsonb_build_object('password', ${digest("a.password_hash")})`,
  "remove-second-factor": sql`jsonb_build_object('secondFactor', ${digest("a.totp_secret")})`,
};

function digest(column: string): SQL {
  return sql.raw(`encode(sha256(convert_to(${column}, 'UTF8')), 'hex')`);
}

/**
 * From when on a guarded change may be made without a second person; null before it is announced. The wait is the long one when
 * an administrator of role `admin` was disabled, demoted or signed out by another person, meanwhile or shortly before, so that
 * those who could stop the change are not kept from it. It does not matter by whom: two accounts may be in one person's hands.
 *
 * @param change an alias of `guarded_changes`
 */
export function endOfWait(change: string): SQL {
  const [requestedAt, announcedAt] = [sql.raw(`${change}.requested_at`), sql.raw(`${change}.announced_at`)];
  return sql`${announcedAt} + case when exists (
      select from audit_log l
      where l.action in ('admin.change', 'admin.password', 'admin.no-second-factor', 'session.end')
        and l.action not in ('invoice.create', 'decision.skip') and l.actor not like 'cli:%'
        and l.at >= ${requestedAt} - ${interval(GUARDED_LONG_WAIT_MS)}
        and case l.action
          when 'admin.change' then l.object <> 'admin:' || l.actor
            and l.before @> '{"role": "admin", "isDisabled": false}' and not l.after @> '{"role": "admin", "isDisabled": false}'
          when 'session.end' then exists (select from admin_sessions s join admins owner on owner.id = s.admin_id
            where s.id = substr(l.object, length('session:') + 1)::bigint and owner.role = 'admin' and owner.email <> l.actor)
          else exists (select from admins owner
            where l.object = 'admin:' || owner.email and owner.role = 'admin' and owner.email <> l.actor)
        end)
    then ${interval(GUARDED_LONG_WAIT_MS)} else ${interval(GUARDED_WAIT_MS)} end`;
}

/**
 * Whether another person gave an administrator their account, password or role only recently, or knows the password. That person
 * may be using the account, so it does not count as a second one.
 *
 * @param admin an alias of `admins`
 */
export function hasNewPower(admin: string, now: SQL): SQL {
  const alias = sql.raw(admin);
  return sql`(${alias}.must_change_password or coalesce(${alias}.empowered_at > ${now} - ${interval(NEW_POWER_MS)}, false))`;
}

/**
 * The CTE `rule`, by which a statement tests whether the two-person rule is on (`is_on`). It waits for a change of the settings
 * and keeps the next one waiting, so that the rule cannot be switched on between the test and the end of the statement.
 *
 * @param locked the CTE that locks administrators, which come before the settings everywhere; null when the statement locks none
 */
export function theRule(locked: string | null): SQL {
  const first = locked ? sql.raw(`(select count(*) from ${locked}) >= 0`) : sql`true`;
  return sql`rule as (select two_person_above_cents is not null as is_on from settings where ${first} for share)`;
}

/** A number of milliseconds as an interval. */
export function interval(ms: number): SQL {
  return sql.raw(`interval '${ms / 1_000} seconds'`);
}
