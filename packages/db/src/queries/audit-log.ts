import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instantParam, rowsOf } from "../sql.ts";

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
  // The conditions on what the partial indexes leave out are spelled out, because a parameter tells the planner nothing.
  const conditions = [
    actor ? (actor === "system" ? sql`actor = 'system'` : sql`actor = ${actor} and actor <> 'system'`) : null,
    action ? actionCondition(action) : null,
    object ? sql`object = ${object}` : null,
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
    select * from audit_log ${conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``}
    order by at desc, id desc limit ${page.limit}`,
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

function actionCondition(action: string) {
  if (commonActions.includes(action)) return sql`action = ${action}`;
  return sql`action = ${action} and action not in ('invoice.create', 'decision.skip')`;
}

/** An action that did not change a row of ours, such as a retry on the board: only its audit row is written. */
export async function recordAction(
  db: Db,
  input: {
    actor: string;
    action: string;
    object: string;
    reason?: string;
    requestId?: string;
    clientAddress?: string;
    now: Date;
  },
): Promise<void> {
  await rowsOf(
    db,
    sql`
    insert into audit_log (at, actor, action, object, reason, request_id, client_address)
    values (${instantParam(input.now)}, ${input.actor}, ${input.action}, ${input.object}, ${input.reason ?? null}::text,
      ${input.requestId ?? null}::text, ${input.clientAddress ?? null}::text)`,
  );
}
