import { outcomeTransitions, statesBefore } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { count, flag, id, nullable } from "../decoders.ts";
import { instantParam, rowsOf } from "../sql.ts";
import { wordList } from "../word-list.ts";

export interface SkippedChunk {
  readonly skipped: number;
  /** The last user skipped, after whom the next chunk begins; null when there was none. */
  readonly lastUserId: number | null;
  /** Whether the run is cancelled now: this was the last chunk, or another process had finished. */
  readonly finished: boolean;
}

/**
 * Skips the next `limit` users of a run in `cancelling` who have no invoice (`run-cancelled`), in key order. Their balances
 * wait for a later date; existing invoices stay. The last chunk moves the run to `cancelled`.
 *
 * A decision that a batch of invoices is settling at this moment is waited for. So no invoice of a `cancelled` run can still
 * be under way.
 *
 * @param step.afterUserId the last user of the previous chunk, 0 for the first; a chunk may be repeated
 */
export async function skipCancelled(
  db: Db,
  step: { runId: number; afterUserId: number; limit: number; now: Date },
): Promise<SkippedChunk> {
  const [row] = await rowsOf(
    db,
    { skipped: count, lastUserId: nullable(id), finished: flag },
    sql`
    with run as (
      select id, payment_date from payment_runs where id = ${step.runId} and state = 'cancelling' for no key update
    ), chunk as (
      select d.run_id, d.user_id from run_decisions d
      where d.run_id = (select id from run) and d.user_id > ${step.afterUserId}::bigint
        and d.outcome in ${wordList(statesBefore(outcomeTransitions, "skipped"))}
      order by d.user_id limit ${step.limit} for no key update
    ), skipped as (
      update run_decisions d
      set outcome = 'skipped', reason = 'run-cancelled', error = null, settled_at = ${instantParam(step.now)}
      from chunk c where d.run_id = c.run_id and d.user_id = c.user_id
    ), progress as (
      select count(*) as skipped, max(user_id) as last_user_id, count(*) < ${step.limit} as finished from chunk
    ), closed as (
      update payment_runs r set state = 'cancelled', cancelled_at = ${instantParam(step.now)}
      from run, progress where r.id = run.id and progress.finished
      returning r.id, r.payment_date, progress.skipped
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after)
      select ${instantParam(step.now)}, 'system', 'run.close', 'run:' || payment_date, '{"state":"cancelling"}',
        jsonb_build_object('state', 'cancelled', 'skipped', skipped + (
          select count(*) from run_decisions d
          where d.run_id = closed.id and d.outcome = 'skipped' and d.reason = 'run-cancelled'))
      from closed
    )
    select skipped, last_user_id, finished from run, progress`,
  );
  return row ?? { skipped: 0, lastUserId: null, finished: true };
}
