import type { AuditContext, StopReason } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

/**
 * Stops a guarded change that waits: it is never made.
 *
 * @returns whether this call stopped it; false when it is unknown, applied or stopped already
 */
export async function stopChange(
  db: Db,
  input: AuditContext & { changeId: number; stopReason: StopReason; now: Date },
): Promise<boolean> {
  const { actor, stopReason, now } = input;
  const returned = await execute(
    db,
    sql`
    with stopped as (
      update guarded_changes set status = 'stopped', decided_by = ${actor}, decided_at = ${instantParam(now)}, stop_reason = ${stopReason}
      where id = ${input.changeId}::bigint and status = 'waiting'
      returning id, kind, object
    ), audit as (
      insert into audit_log (at, actor, action, object, after, request_id, client_address)
      select ${instantParam(now)}, ${actor}, 'change.stop', 'change:' || id,
        jsonb_build_object('kind', kind, 'object', object, 'reason', ${stopReason}::text), ${requestParams(input)}
      from stopped
    )
    select id from stopped`,
  );
  return returned > 0;
}
