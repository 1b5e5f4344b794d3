import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

/**
 * Ends a session.
 *
 * @param input.adminId if given, the session is only ended if it belongs to this administrator
 * @returns whether this call ended it
 */
export async function markSessionEnded(
  db: Db,
  input: AuditContext & { sessionId: number; adminId?: number; now: Date },
): Promise<boolean> {
  const returned = await execute(
    db,
    sql`
    with ended as (
      update admin_sessions set ended_at = ${instantParam(input.now)}
      where id = ${input.sessionId} and ended_at is null and admin_id = coalesce(${input.adminId ?? null}::bigint, admin_id)
      returning id
    ), audit as (
      insert into audit_log (at, actor, action, object, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'session.end', 'session:' || id, ${requestParams(input)} from ended
    )
    select id from ended`,
  );
  return returned > 0;
}
