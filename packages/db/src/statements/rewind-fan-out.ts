import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import type { PaymentRun } from "../reads/runs.ts";
import { execute, instantParam } from "../sql.ts";

/**
 * Sends the fan-out of a run back to the users after `cursor`, whose jobs may have been lost. A run that was `processing` fans
 * out again.
 *
 * @param run the run as it was read before; does nothing if its fan-out was sent back since
 * @returns whether the fan-out was sent back
 */
export async function rewindFanOut(
  db: Db,
  run: Pick<PaymentRun, "id" | "fanOutRound">,
  { cursor, now }: { cursor: number; now: Date },
): Promise<boolean> {
  const returned = await execute(
    db,
    sql`
    with run as (
      select id, state from payment_runs
      where id = ${run.id} and fan_out_round = ${run.fanOutRound} and state in ('fanning-out', 'processing')
      for no key update
    ), moved as (
      update payment_runs r set state = 'fanning-out', fanned_out_at = null,
        fan_out_cursor = least(r.fan_out_cursor, ${cursor}::bigint), fan_out_round = r.fan_out_round + 1
      from run where r.id = run.id
      returning r.payment_date, run.state as before, r.fan_out_cursor
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after)
      select ${instantParam(now)}, 'system', 'run.rewind', 'run:' || payment_date, jsonb_build_object('state', before),
        jsonb_build_object('state', 'fanning-out', 'afterUser', fan_out_cursor)
      from moved
    )
    select payment_date from moved`,
  );
  return returned > 0;
}
