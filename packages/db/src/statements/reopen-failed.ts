import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { count, id, nullable } from "../decoders.ts";
import { instantParam, requestParams, rowOf } from "../sql.ts";

export interface ReopenedChunk {
  readonly reopened: number;
  /** The last user whose decision was opened again, after whom the next chunk begins; null when there was none. */
  readonly lastUserId: number | null;
}

/**
 * Opens the next `limit` failed decisions of a run again, in key order, and sends its fan-out back to before the first of
 * them: the jobs are queued by the fan-out, in its pages and within the high-water mark. A completed run fans out again.
 *
 * The run's `fan_out_round` is incremented, so a closing or a fan-out that read the run before cannot take effect afterwards.
 * The first chunk of a retry counts it (`retries`) and writes its audit row, with the number of users who had failed. So does
 * a later one whose run was completed meanwhile: it will be completed once more.
 *
 * @param retry.afterUserId the last user of the previous chunk, 0 for the first
 */
export async function reopenFailed(
  db: Db,
  retry: AuditContext & { runId: number; afterUserId: number; limit: number; now: Date },
): Promise<ReopenedChunk> {
  const isCounted = sql`(${retry.afterUserId}::bigint = 0 or run.state = 'completed')`;
  return rowOf(
    db,
    { reopened: count, lastUserId: nullable(id) },
    sql`
    with run as (
      select id, state from payment_runs
      where id = ${retry.runId} and state in ('fanning-out', 'processing', 'completed') for no key update
    ), chunk as (
      select d.run_id, d.user_id from run_decisions d
      where d.run_id = (select id from run) and d.user_id > ${retry.afterUserId}::bigint and d.outcome = 'failed'
      order by d.user_id limit ${retry.limit} for no key update
    ), reopened as (
      update run_decisions d set outcome = 'open', error = null, settled_at = null
      from chunk c where d.run_id = c.run_id and d.user_id = c.user_id
    ), found as (
      select count(*) as reopened, min(user_id) as first_user_id, max(user_id) as last_user_id from chunk
    ), moved as (
      update payment_runs r set state = 'fanning-out', completed_at = null, fanned_out_at = null,
        retries = r.retries + case when ${isCounted} then 1 else 0 end, fan_out_cursor = least(r.fan_out_cursor, first_user_id - 1),
        fan_out_round = r.fan_out_round + 1
      from run, found where r.id = run.id and reopened > 0
      returning r.id, r.payment_date, run.state as before, ${isCounted} as is_counted
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
      select ${instantParam(retry.now)}, ${retry.actor}, 'run.retry', 'run:' || payment_date,
        jsonb_build_object('state', before, 'failed', (
          select count(*) from run_decisions d where d.run_id = moved.id and d.outcome = 'failed')),
        '{"state":"fanning-out"}', ${requestParams(retry)}
      from moved where is_counted
    )
    select reopened, last_user_id from found`,
  );
}
