import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id, instant, json, nullable, type Row, text } from "../decoders.ts";
import { instantParam, rowsOf } from "../sql.ts";

export interface AuditFilter {
  readonly actor?: string;
  readonly action?: string;
  readonly object?: string;
  /** Inclusive. */
  readonly from?: Date;
  /** Exclusive. */
  readonly to?: Date;
}

export const entryColumns = {
  id,
  at: instant,
  actor: text,
  action: text,
  object: text,
  reason: nullable(text),
  before: json,
  after: json,
  requestId: nullable(text),
  clientAddress: nullable(text),
};

export type AuditEntry = Row<typeof entryColumns>;

/** A page of the audit log, newest first. `after` is the last row of the previous page. */
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
  return rowsOf(
    db,
    entryColumns,
    sql`
    select * from ${rowsAbout(object)} where ${sql.join(conditions, sql` and `)}
    order by ${leader.column ? sql.raw(`${leader.column} desc, `) : sql``}at desc, id desc limit ${page.limit}`,
  );
}

const INVOICE = "invoice:";

/**
 * The rows to search for those of an object. The index on the object leaves out the creation of invoices; that row is found
 * by its instant, which is that of the invoice, among the few hundred of its batch.
 */
function rowsAbout(object: string | undefined): SQL {
  const uncommon = sql`select * from audit_log where object = ${object} and action <> 'invoice.create'`;
  if (object === undefined) return sql`audit_log`;
  if (!object.startsWith(INVOICE)) return sql`(${uncommon}) rows`;
  return sql`(
    ${uncommon}
    union all
    select * from audit_log where object = ${object} and action = 'invoice.create'
      and at = (select created_at from invoices where number = ${object.slice(INVOICE.length)})
  ) rows`;
}

const commonActions = ["invoice.create", "decision.skip"];

type Leading = "actor" | "action" | "object";

/**
 * Chooses the condition whose index provides the order. The condition is written as a range, and its column comes first in
 * the ORDER BY. For an equality PostgreSQL may walk the whole log backwards instead: it expects matches to be spread
 * evenly, which is wrong for an actor who was only active last month. The predicates of the partial indexes are written
 * out, because the planner cannot derive them from a parameter.
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
