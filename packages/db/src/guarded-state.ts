import { GUARDED_LONG_WAIT_MS, GUARDED_WAIT_MS, type GuardedChangeKind } from "@cpa-payouts/core";
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
 * From when on a guarded change may be made without a second person. The wait is the long one when its requester disabled or
 * demoted another administrator of role `admin`, or ended the session of one, meanwhile or shortly before: otherwise they
 * could keep everybody from stopping it.
 *
 * @param change an alias of `guarded_changes`
 * @param requester the requester's e-mail, as SQL
 */
export function endOfWait(change: string, requester: SQL): SQL {
  const requestedAt = sql.raw(`${change}.requested_at`);
  return sql`${requestedAt} + case when exists (
      select from audit_log l
      where l.action in ('admin.change', 'session.end') and l.action not in ('invoice.create', 'decision.skip')
        and l.actor = ${requester} and l.at >= ${requestedAt} - ${interval(GUARDED_LONG_WAIT_MS)}
        and case l.action
          when 'admin.change' then l.before @> '{"role": "admin", "isDisabled": false}'
            and not l.after @> '{"role": "admin", "isDisabled": false}'
          else exists (select from admin_sessions s join admins owner on owner.id = s.admin_id
            where s.id = substr(l.object, length('session:') + 1)::bigint and owner.role = 'admin'
              and s.admin_id <> ${sql.raw(`${change}.requested_by`)})
        end)
    then ${interval(GUARDED_LONG_WAIT_MS)} else ${interval(GUARDED_WAIT_MS)} end`;
}

/** A number of milliseconds as an interval. */
export function interval(ms: number): SQL {
  return sql.raw(`interval '${ms / 1_000} seconds'`);
}
