import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id } from "../decoders.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

/**
 * Reopens the failed decisions of a run and, if there were any, moves a completed run back to `processing`. The run's
 * `retries` is incremented, so a closing that read the run before cannot take effect afterwards.
 *
 * @returns the ids of the users whose decision is open again, in key order
 */
export async function reopenFailed(
  db: Db,
  retry: AuditContext & { runId: number; now: Date },
): Promise<readonly number[]> {
  const rows = await rowsOf(
    db,
    { userId: id },
    sql`
    with run as (
      select id, payment_date, state from payment_runs
      where id = ${retry.runId} and state in ('fanning-out', 'processing', 'completed') for update
    ), reopened as (
      update run_decisions d set outcome = 'open', error = null, settled_at = null
      from run where d.run_id = run.id and d.outcome = 'failed'
      returning d.user_id
    ), moved as (
      update payment_runs r set
        state = case when r.state = 'fanning-out' then r.state else 'processing' end,
        completed_at = null, retries = r.retries + 1
      from run where r.id = run.id and exists (select from reopened)
      returning r.payment_date, run.state as before, r.state as after
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
      select ${instantParam(retry.now)}, ${retry.actor}, 'run.retry', 'run:' || payment_date,
        jsonb_build_object('state', before), jsonb_build_object('state', after, 'reopened', (select count(*) from reopened)),
        ${requestParams(retry)}
      from moved
    )
    select user_id from reopened order by user_id`,
  );
  return rows.map(({ userId }) => userId);
}
