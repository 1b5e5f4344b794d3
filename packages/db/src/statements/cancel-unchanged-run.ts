import { type AuditContext, outcomeTransitions, statesBefore, unfinishedRunStates } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { count } from "../decoders.ts";
import type { PaymentRun } from "../reads/runs.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";
import { wordList } from "../word-list.ts";

/**
 * Cancels a run that is not finished: decisions that are not invoiced yet are skipped (`run-cancelled`), and those
 * balances wait for a later date. Existing invoices stay.
 *
 * @param run the run as it was read before; if it has changed since, this call does nothing, because the statement may not
 *   see decisions made by another statement that it waited for
 * @returns the number of users whom the cancellation skips; null when the run has changed since, or was finished
 */
export async function cancelUnchangedRun(
  db: Db,
  run: Pick<PaymentRun, "id" | "state" | "decideCursor" | "retries">,
  cancel: AuditContext & { reason: string; now: Date },
): Promise<number | null> {
  const [row] = await rowsOf(
    db,
    { users: count },
    sql`
    with cancelled as (
      update payment_runs r set state = 'cancelled', cancelled_at = ${instantParam(cancel.now)}
      where r.id = ${run.id} and r.state = ${run.state} and r.state in ${wordList(unfinishedRunStates)}
        and r.decide_cursor = ${run.decideCursor} and r.retries = ${run.retries}
      returning r.id, r.payment_date
    ), skipped as (
      update run_decisions d set outcome = 'skipped', reason = 'run-cancelled', error = null, settled_at = ${instantParam(cancel.now)}
      from cancelled c where d.run_id = c.id and d.outcome in ${wordList(statesBefore(outcomeTransitions, "skipped"))}
      returning d.user_id
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after, request_id, client_address)
      select ${instantParam(cancel.now)}, ${cancel.actor}, 'run.cancel', 'run:' || payment_date, ${cancel.reason},
        jsonb_build_object('state', ${run.state}::text),
        jsonb_build_object('state', 'cancelled', 'skipped', (select count(*) from skipped)), ${requestParams(cancel)}
      from cancelled
    )
    select (select count(*) from skipped) as users from cancelled`,
  );
  return row?.users ?? null;
}
