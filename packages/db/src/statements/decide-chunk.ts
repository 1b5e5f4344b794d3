import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { decideReason, isConsidered } from "../decision-rule.ts";
import { count, flag } from "../decoders.ts";
import { instantParam, rowsOf } from "../sql.ts";

/**
 * Freezes the decisions of the next `limit` users with a balance above zero, in key order, and moves the run's cursor. The
 * last chunk moves the run on to `fanning-out`. Everything is one statement under the run's row lock: two deciders take
 * turns, and after a crash the run resumes after the last chunk.
 *
 * @returns the number of users decided, and whether that was the last chunk (also true when the run is past deciding)
 */
export async function decideChunk(
  db: Db,
  { runId, limit, now }: { runId: number; limit: number; now: Date },
): Promise<{ decided: number; finished: boolean }> {
  // The cursor is read by a scalar subquery, not by a join. Only then does the planner walk the primary key from the
  // cursor and stop at the limit, instead of sorting all users for every chunk.
  const [row] = await rowsOf(
    db,
    { decided: count, finished: flag },
    sql`
    with run as (
      select id, payment_date, kind, minimum_balance_cents, cooling_off_days, opened_at, decide_cursor
      from payment_runs where id = ${runId} and state = 'deciding' for no key update
    ), chunk as (
      select u.id as user_id, u.balance_cents, ${decideReason} as reason
      from users u
      where u.id > (select decide_cursor from run) and ${isConsidered}
      order by u.id limit ${limit}
    ), decided as (
      insert into run_decisions (run_id, user_id, decision, reason, balance_cents, outcome, settled_at)
      select run.id, user_id, case when reason is null then 'pay' else 'skip' end, reason, balance_cents,
        case when reason is null then 'open' else 'skipped' end,
        case when reason is not null then ${instantParam(now)} end
      from run, chunk
    ), progress as (
      select count(*) as decided, max(user_id) as last, count(*) < ${limit} as finished from chunk
    ), moved as (
      update payment_runs r set
        decide_cursor = coalesce(last, r.decide_cursor),
        state = case when finished then 'fanning-out' else r.state end,
        decided_at = case when finished then ${instantParam(now)} end
      from run, progress where r.id = run.id
      returning r.payment_date, progress.decided, progress.finished
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after)
      select ${instantParam(now)}, 'system', 'run.decide', 'run:' || payment_date, '{"state":"deciding"}', '{"state":"fanning-out"}'
      from moved where finished
    )
    select decided, finished from moved`,
  );
  return row ?? { decided: 0, finished: true };
}
