import { type AuditContext, type GuardedChangeKind, MOST_REQUESTS_A_DAY, REQUESTS_COUNTED_MS } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, id, nullable } from "../decoders.ts";
import { interval, stateBehind } from "../guarded-state.ts";
import { findGuardedChange, findWaitingChange, type GuardedChange } from "../reads/guarded-changes.ts";
import { instantParam, requestParams, rowOf } from "../sql.ts";

export interface ChangeRequest extends AuditContext {
  readonly kind: GuardedChangeKind;
  /** What is to be changed, as the audit log names it: `settings`, or `admin:EMAIL`. */
  readonly object: string;
  /** The values to set, by name, in the form in which the audit log has them. */
  readonly wanted: Readonly<Record<string, unknown>>;
  /** The id of the administrator who requests it. */
  readonly requestedBy: number;
  readonly now: Date;
}

/** What became of a request. */
export type HeldChange =
  /** A new change that waits, or the one of its kind that waited for the object already. */
  | { readonly status: "held" | "waits-already"; readonly change: GuardedChange }
  /** Nothing is stored: the requester was disabled or lost the role `admin` since the request came. */
  | { readonly status: "requester-lost-rights"; readonly change: null }
  /** Nothing is stored: the requester has requested {@link MOST_REQUESTS_A_DAY} changes within a day. */
  | { readonly status: "too-many-requests"; readonly change: null };

/**
 * Stores a change that waits for a second person, together with the present state of what it changes. One change of each kind
 * waits for an object at a time.
 *
 * @throws Error when the object is an administrator who does not exist
 */
export async function holdChange(db: Db, request: ChangeRequest): Promise<HeldChange> {
  const { changeId, mayRequest, isOften } = await insertChange(db, request);
  if (!mayRequest) return { status: "requester-lost-rights", change: null };
  if (isOften) return { status: "too-many-requests", change: null };
  const held = changeId === null ? null : await findGuardedChange(db, changeId);
  if (held) return { status: "held", change: held };
  const waiting = await findWaitingChange(db, request);
  if (waiting) return { status: "waits-already", change: waiting };
  // The change that was in the way has been decided in between.
  if (await hasObject(db, request)) return holdChange(db, request);
  throw new Error(`there is no ${request.object} to change`);
}

/** @returns the id; null when it was not stored: the requester may not, such a change waits already, or there is no such object */
async function insertChange(db: Db, request: ChangeRequest) {
  const { kind, object, actor, now } = request;
  const wanted = JSON.stringify(request.wanted);
  const state = presentState(request);
  // A change of one setting does not depend on the others.
  const seen =
    kind === "settings"
      ? sql`(select jsonb_object_agg(name, state -> name) from jsonb_object_keys(${wanted}::jsonb) name)`
      : sql`state`;
  // Who confirms a change of an administrator sees the role and the state that result, not only what was asked for.
  const whole = kind === "change-admin" ? sql`state || ${wanted}::jsonb` : sql`${wanted}::jsonb`;
  return rowOf(
    db,
    { changeId: nullable(id), mayRequest: flag, isOften: flag },
    sql`
    with requester as (
      -- A change of the requester that is under way comes first. One that comes now does not see this request among those that
      -- it stops; the version makes the request void.
      select id, rights_version from admins where id = ${request.requestedBy} and role = 'admin' and disabled_at is null for share
    ), often as (
      select where (select count(*) from guarded_changes where requested_by = ${request.requestedBy}
        and requested_at > ${instantParam(now)} - ${interval(REQUESTS_COUNTED_MS)}) >= ${MOST_REQUESTS_A_DAY}
    ), present as (select ${state} as state), held as (
      insert into guarded_changes (kind, object, wanted, seen, requested_by, requester_version, requested_at)
      select ${kind}, ${object}, ${whole}, ${seen}, requester.id, requester.rights_version, ${instantParam(now)}
      from present cross join requester where state is not null and not exists (select from often)
      on conflict (kind, object) where status = 'waiting' do nothing
      returning id, kind, object, wanted
    ), audit as (
      insert into audit_log (at, actor, action, object, after, request_id, client_address)
      select ${instantParam(now)}, ${actor}, 'change.request', 'change:' || id,
        jsonb_build_object('kind', kind, 'object', object, 'wanted', wanted), ${requestParams(request)}
      from held
    )
    select (select id from held) as change_id, exists (select from requester) as may_request,
      exists (select from often) as is_often`,
  );
}

async function hasObject(db: Db, request: ChangeRequest): Promise<boolean> {
  const { isThere } = await rowOf(db, { isThere: flag }, sql`select ${presentState(request)} is not null as is_there`);
  return isThere;
}

function presentState({ kind, object }: ChangeRequest): SQL {
  return stateBehind(kind, sql`${object}::text`, { settings: "settings", admins: "admins" });
}
