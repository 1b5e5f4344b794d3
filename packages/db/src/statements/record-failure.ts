import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/**
 * Records that a user's job gave up. The run can then close without this user, and the reason is stored.
 *
 * @returns false when the decision was settled in the meantime
 */
export async function recordFailure(
  db: Db,
  failure: { runId: number; userId: number; error: string; now: Date },
): Promise<boolean> {
  const returned = await execute(
    db,
    sql`
    with failed as (
      update run_decisions set outcome = 'failed', error = ${failure.error}, settled_at = ${instantParam(failure.now)}
      where run_id = ${failure.runId} and user_id = ${failure.userId} and outcome = 'open'
      returning user_id, run_id
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after)
      select ${instantParam(failure.now)}, 'system', 'decision.fail', 'user:' || user_id, ${failure.error},
        jsonb_build_object('run', run_id, 'outcome', 'open'), jsonb_build_object('run', run_id, 'outcome', 'failed')
      from failed
    )
    select user_id from failed`,
  );
  return returned > 0;
}
