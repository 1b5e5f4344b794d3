import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import type { PaymentRun } from "../reads/runs.ts";
import { execute, instantParam } from "../sql.ts";

/**
 * Moves a run in which no decision is open to `completed`. The database decides this, never the counts of the queue.
 *
 * @param run the run as it was read before; if its fan-out was sent back since, as by a retry, the run stays open, because this
 *   statement may not see the decisions reopened by a retry that it waited for
 * @returns whether this call completed the run
 */
export async function completeRun(db: Db, run: Pick<PaymentRun, "id" | "fanOutRound">, now: Date): Promise<boolean> {
  const returned = await execute(
    db,
    sql`
    with closed as (
      update payment_runs r set state = 'completed', completed_at = ${instantParam(now)}
      where r.id = ${run.id} and r.state = 'processing' and r.fan_out_round = ${run.fanOutRound}
        and not exists (select from run_decisions d where d.run_id = r.id and d.outcome = 'open')
      returning r.payment_date
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after)
      select ${instantParam(now)}, 'system', 'run.close', 'run:' || payment_date, '{"state":"processing"}', '{"state":"completed"}'
      from closed
    )
    select payment_date from closed`,
  );
  return returned > 0;
}
