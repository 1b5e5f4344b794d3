import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

/** Records that the administrator of a session has just entered their password (and code) again. */
export async function markSessionConfirmed(
  db: Db,
  input: AuditContext & { sessionId: number; now: Date },
): Promise<void> {
  await execute(
    db,
    sql`
    with confirmed as (
      update admin_sessions set confirmed_at = ${instantParam(input.now)} where id = ${input.sessionId} returning id
    )
    insert into audit_log (at, actor, action, object, request_id, client_address)
    select ${instantParam(input.now)}, ${input.actor}, 'session.confirm', 'session:' || id, ${requestParams(input)} from confirmed`,
  );
}
