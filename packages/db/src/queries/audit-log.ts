import type { Order } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

export interface AuditFilter {
  readonly actor?: string;
  readonly action?: string;
  readonly object?: string;
  readonly from?: Date;
  readonly to?: Date;
}

export interface AuditEntry {
  readonly id: number;
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly object: string;
  readonly reason: string | null;
  readonly before: unknown;
  readonly after: unknown;
  readonly requestId: string | null;
  readonly clientAddress: string | null;
}

/** A page of the audit log, newest first. `after` is the last row of the page before. */
export async function listAuditLog(
  db: Db,
  { actor, action, object, from, to }: AuditFilter,
  page: { after?: { id: number; at: Date }; limit: number },
): Promise<AuditEntry[]> {
  const { after } = page;
  const leader = leaderOf({ actor, action, object });
  const conditions = [
    leader.condition,
    actor && leader.column !== "actor" ? sql`actor = ${actor}` : null,
    action && leader.column !== "action" ? sql`action = ${action}` : null,
    from ? sql`at >= ${instantParam(from)}` : null,
    to ? sql`at < ${instantParam(to)}` : null,
    after ? sql`(at, id) < (${instantParam(after.at)}, ${after.id}::bigint)` : null,
  ].filter((condition) => condition !== null);
  const rows = await rowsOf<{
    id: bigint;
    at: string;
    actor: string;
    action: string;
    object: string;
    reason: string | null;
    before: unknown;
    after: unknown;
    request_id: string | null;
    client_address: string | null;
  }>(
    db,
    sql`
    select * from audit_log where ${sql.join(conditions, sql` and `)}
    order by ${leader.column ? sql.raw(`${leader.column} desc, `) : sql``}at desc, id desc limit ${page.limit}`,
  );
  return rows.map(({ id, at, request_id, client_address, ...row }) => ({
    ...row,
    id: Number(id),
    at: new Date(at),
    requestId: request_id,
    clientAddress: client_address,
  }));
}

const commonActions = ["invoice.create", "decision.skip"];

type Leading = "actor" | "action" | "object";

/**
 * The condition whose index gives the order. It is said as a range and named in the order: for an equality PostgreSQL may
 * walk the whole log from its end instead, because it expects matches to be spread evenly, and somebody who was busy last
 * month is not there. What the partial indexes leave out is spelled out, since a parameter tells the planner nothing.
 */
function leaderOf({ actor, action, object }: { [K in Leading]: string | undefined }): {
  readonly column: Leading | null;
  readonly condition: SQL;
} {
  if (object) return { column: "object", condition: exactly("object", object) };
  if (action && !commonActions.includes(action)) {
    const isRare = sql`action not in ('invoice.create', 'decision.skip')`;
    return { column: "action", condition: sql`${exactly("action", action)} and ${isRare}` };
  }
  if (actor && actor !== "system")
    return { column: "actor", condition: sql`${exactly("actor", actor)} and actor <> 'system'` };
  return { column: null, condition: sql`true` };
}

function exactly(column: Leading, value: string): SQL {
  const name = sql.raw(column);
  return sql`${name} >= ${value} and ${name} <= ${value}`;
}

/** An action that did not change a row of ours, such as a retry on the board: only its audit row is written. */
export async function recordAction(
  db: Db,
  input: Order & { action: string; object: string; now: Date },
): Promise<void> {
  await rowsOf(
    db,
    sql`
    insert into audit_log (at, actor, action, object, request_id, client_address)
    values (${instantParam(input.now)}, ${input.actor}, ${input.action}, ${input.object}, ${requestParams(input)})`,
  );
}
