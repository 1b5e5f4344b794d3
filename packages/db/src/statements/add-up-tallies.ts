import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute } from "../sql.ts";

/**
 * Merges the rows that the statements of workers and reviewers added, into one per group. Two processes may do so at once:
 * each adds up exactly the rows that it deleted.
 */
export async function addUpTallies(db: Db): Promise<void> {
  await execute(
    db,
    sql`
    with many as (
      select run_id, status from invoice_tallies group by run_id, status having count(*) > 1
    ), taken as (
      delete from invoice_tallies t using many m where t.run_id = m.run_id and t.status = m.status
      returning t.run_id, t.status, t.invoices, t.amount_cents
    )
    insert into invoice_tallies (run_id, status, invoices, amount_cents)
    select run_id, status, sum(invoices), sum(amount_cents) from taken group by run_id, status having sum(invoices) <> 0`,
  );
  await execute(
    db,
    sql`
    with many as (
      select run_id, outcome, reason from decision_tallies group by run_id, outcome, reason having count(*) > 1
    ), taken as (
      delete from decision_tallies t using many m
      where t.run_id = m.run_id and t.outcome = m.outcome and t.reason is not distinct from m.reason
      returning t.run_id, t.outcome, t.reason, t.users
    )
    insert into decision_tallies (run_id, outcome, reason, users)
    select run_id, outcome, reason, sum(users) from taken group by run_id, outcome, reason having sum(users) <> 0`,
  );
}
