import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute } from "../sql.ts";

/** `0x74616c6c696573` spells "tallies". The add-up under way holds this lock until its statement is committed. */
const ADVISORY_LOCK = 0x74616c6c696573n;

/**
 * Merges the rows that the statements of workers and reviewers added, into one per group. A group whose figures are all zero
 * gets none.
 *
 * Add-ups take turns: one that comes while another is under way does nothing. Its snapshot may still be older than the
 * other's commit. That is harmless, because it adds up only rows that it deleted itself.
 */
export async function addUpTallies(db: Db): Promise<void> {
  await execute(
    db,
    sql`
    with turn as materialized (
      select pg_try_advisory_xact_lock(${ADVISORY_LOCK.toString()}::bigint) as is_ours
    ), many_invoices as (
      select run_id, status from invoice_tallies where (select is_ours from turn) group by run_id, status having count(*) > 1
    ), taken_invoices as (
      delete from invoice_tallies t using many_invoices m where t.run_id = m.run_id and t.status = m.status
      returning t.run_id, t.status, t.invoices, t.amount_cents
    ), many_decisions as (
      select run_id, outcome, reason from decision_tallies where (select is_ours from turn)
      group by run_id, outcome, reason having count(*) > 1
    ), taken_decisions as (
      delete from decision_tallies t using many_decisions m
      where t.run_id = m.run_id and t.outcome = m.outcome and t.reason is not distinct from m.reason
      returning t.run_id, t.outcome, t.reason, t.users
    ), invoices as (
      insert into invoice_tallies (run_id, status, invoices, amount_cents)
      select run_id, status, sum(invoices), sum(amount_cents) from taken_invoices group by run_id, status
      having sum(invoices) <> 0 or sum(amount_cents) <> 0
    )
    insert into decision_tallies (run_id, outcome, reason, users)
    select run_id, outcome, reason, sum(users) from taken_decisions group by run_id, outcome, reason having sum(users) <> 0`,
  );
}
