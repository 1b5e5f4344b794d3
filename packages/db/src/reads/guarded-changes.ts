import {
  GUARDED_LIFE_MS,
  type GuardedChangeStatus,
  guardedChangeKinds,
  guardedChangeStatuses,
  passwordIssuingKinds,
  stopReasons,
} from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, id, instant, json, nullable, oneOf, type Row, text } from "../decoders.ts";
import { endOfWait, interval } from "../guarded-state.ts";
import { instantParam, rowsOf } from "../sql.ts";
import { wordList } from "../word-list.ts";

const columns = {
  id,
  kind: oneOf(guardedChangeKinds),
  object: text,
  wanted: json,
  requestedBy: text,
  requestedAt: instant,
  mayApplyAt: nullable(instant),
  status: oneOf(guardedChangeStatuses),
  decidedBy: nullable(text),
  decidedAt: nullable(instant),
  stopReason: nullable(oneOf(stopReasons)),
};

/**
 * A change that needed a second person when it was requested. `requestedBy` is the administrator's e-mail, `mayApplyAt` from
 * when on it may be made without a second person; null when it has not been announced.
 */
export type GuardedChange = Row<typeof columns>;

/** A page of guarded changes, newest first. `after` is the id of the last one of the previous page. */
export async function listGuardedChanges(
  db: Db,
  { status }: { status?: GuardedChangeStatus },
  { after, limit }: { after?: number; limit: number },
): Promise<GuardedChange[]> {
  const ofStatus = status ? sql`g.status = ${status}` : sql`true`;
  return select(db, sql`${ofStatus} and g.id < coalesce(${after ?? null}::bigint, 9223372036854775807)`, limit);
}

/** The guarded change with an id; null if there is none. */
export async function findGuardedChange(db: Db, changeId: number): Promise<GuardedChange | null> {
  const [change] = await select(db, sql`g.id = ${changeId}::bigint`, 1);
  return change ?? null;
}

/** The guarded change of a kind that waits for an object; null if none does. */
export async function findWaitingChange(
  db: Db,
  { kind, object }: Pick<GuardedChange, "kind" | "object">,
): Promise<GuardedChange | null> {
  const [change] = await select(db, sql`g.kind = ${kind} and g.object = ${object} and g.status = 'waiting'`, 1);
  return change ?? null;
}

/** The guarded changes that wait and were not announced yet, oldest first. */
export async function listUnannouncedChanges(db: Db, limit: number): Promise<GuardedChange[]> {
  return select(db, sql`g.status = 'waiting' and g.announced_at is null`, limit, sql`asc`);
}

function select(db: Db, condition: SQL, limit: number, order = sql`desc`): Promise<GuardedChange[]> {
  return rowsOf(
    db,
    columns,
    sql`
    select g.id, g.kind, g.object, g.wanted, a.email as requested_by, g.requested_at, ${endOfWait("g")} as may_apply_at,
      g.status, g.decided_by, g.decided_at, g.stop_reason
    from guarded_changes g join admins a on a.id = g.requested_by
    where ${condition} order by g.id ${order} limit ${limit}`,
  );
}

const dueColumns = { id, kind: oneOf(guardedChangeKinds), isExpired: flag };

/** A waiting change that a tick ends: it applies it, or stops it when its password was not taken in time. */
export type DueChange = Row<typeof dueColumns>;

/** The waiting changes that a tick ends now, oldest first. */
export async function listDueChanges(db: Db, now: Date): Promise<DueChange[]> {
  const isIssuing = sql`g.kind in ${wordList(passwordIssuingKinds)}`;
  return rowsOf(
    db,
    dueColumns,
    sql`
    select g.id, g.kind, ${isIssuing} as is_expired
    from guarded_changes g
    where g.status = 'waiting' and case when ${isIssuing} then g.requested_at + ${interval(GUARDED_LIFE_MS)}
      else ${endOfWait("g")} end <= ${instantParam(now)}
    order by g.id`,
  );
}
