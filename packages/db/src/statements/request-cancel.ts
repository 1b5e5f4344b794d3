import { type AuditContext, runTransitions, statesBefore } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam, requestParams } from "../sql.ts";
import { wordList } from "../word-list.ts";

/**
 * Cancels a run that is not finished: it moves to `cancelling`. From then on no user is decided, no failed decision is opened
 * again, and a batch of invoices that has not yet tested the run's state creates none. `skipCancelled` settles the decisions.
 *
 * It waits for the run's row lock only, which a chunk of decisions or a page of the fan-out holds for a moment.
 *
 * @returns whether this call cancelled the run; false when it was completed or cancelled before
 */
export async function requestCancel(
  db: Db,
  cancel: AuditContext & { runId: number; reason: string; now: Date },
): Promise<boolean> {
  const returned = await execute(
    db,
    sql`
    with run as (
      select id, state from payment_runs
      where id = ${cancel.runId} and state in ${wordList(statesBefore(runTransitions, "cancelling"))} for no key update
    ), moved as (
      update payment_runs r set state = 'cancelling' from run where r.id = run.id
      returning r.payment_date, run.state as before
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after, request_id, client_address)
      select ${instantParam(cancel.now)}, ${cancel.actor}, 'run.cancel', 'run:' || payment_date, ${cancel.reason},
        jsonb_build_object('state', before), '{"state":"cancelling"}', ${requestParams(cancel)}
      from moved
    )
    select payment_date from moved`,
  );
  return returned > 0;
}
