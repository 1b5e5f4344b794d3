import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

/**
 * Reopens the failed deliveries; the next tick queues them.
 *
 * @returns the number of deliveries reopened
 */
export async function reopenDeliveries(db: Db, retry: AuditContext & { now: Date }): Promise<number> {
  const returned = await execute(
    db,
    sql`
    with reopened as (
      update alert_deliveries set state = 'open', settled_at = null where state = 'failed' returning alert_id, channel
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
      select ${instantParam(retry.now)}, ${retry.actor}, 'alert.retry', 'alert:' || alert_id,
        jsonb_build_object('channel', channel, 'state', 'failed'), jsonb_build_object('channel', channel, 'state', 'open'),
        ${requestParams(retry)}
      from reopened
    )
    select alert_id from reopened`,
  );
  return returned;
}
