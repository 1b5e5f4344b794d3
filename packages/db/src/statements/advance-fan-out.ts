import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/**
 * Moves the fan-out's cursor to the last user queued; the last page moves the run on to `processing`. The cursor never
 * moves back here, so the slower of two fan-outs cannot undo the progress of the faster one. A fan-out that began before
 * the run's fan-out was sent back (`fanOutRound`) stores nothing, because it does not know the users before its pages.
 */
export async function advanceFanOut(
  db: Db,
  step: { runId: number; fanOutRound: number; cursor: number; finished: boolean; now: Date },
): Promise<void> {
  await execute(
    db,
    sql`
    with moved as (
      update payment_runs set
        fan_out_cursor = greatest(fan_out_cursor, ${step.cursor}::bigint),
        state = case when ${step.finished} then 'processing' else state end,
        fanned_out_at = case when ${step.finished} then ${instantParam(step.now)} end
      where id = ${step.runId} and state = 'fanning-out' and fan_out_round = ${step.fanOutRound}
      returning payment_date
    )
    insert into audit_log (at, actor, action, object, before, after)
    select ${instantParam(step.now)}, 'system', 'run.fan-out', 'run:' || payment_date, '{"state":"fanning-out"}', '{"state":"processing"}'
    from moved where ${step.finished}`,
  );
}
