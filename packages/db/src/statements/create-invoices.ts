import {
  CURRENCY,
  cancelledRunStates,
  outcomeTransitions,
  type SkipReason,
  skipReasons,
  statesBefore,
} from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { skipReason, userColumns } from "../decision-rule.ts";
import { cents, id, nullable, oneOf, text } from "../decoders.ts";
import { databaseErrorOf } from "../errors.ts";
import { arrayParam, instantParam, rowsOf } from "../sql.ts";
import { wordList } from "../word-list.ts";

export type CreatedInvoice =
  | { readonly userId: number; readonly outcome: "invoiced"; readonly number: string; readonly amountCents: bigint }
  | { readonly userId: number; readonly outcome: "skipped"; readonly reason: SkipReason };

const beforeInvoiced = statesBefore(outcomeTransitions, "invoiced");

const reasonUnderLock = skipReason({
  status: sql`l.status`,
  balanceCents: sql`l.balance_cents`,
  approvedMethod: sql`m.binance_email`,
  earlierInvoices: sql`l.earlier_invoices`,
  kind: sql`run.kind`,
  minimumBalanceCents: sql`run.minimum_balance_cents`,
  userId: sql`l.user_id`,
  coolingOffDays: sql`run.cooling_off_days`,
  since: sql`run.opened_at`,
});

/**
 * Creates the pending invoices of some users of a run and takes exactly their amounts from the balances. It is the only
 * statement that moves money from balances to invoices (docs/architecture.md, laws 1 to 4).
 *
 * - It locks the users in key order, so two batches cannot deadlock.
 * - It tests status, approved method and minimum again under those locks. The approved method is locked as well, so an
 *   approval withdrawn at this moment counts.
 * - It claims the decisions by settling them; invoice, ledger entry, balance and audit row are made from the claimed rows.
 *   A second delivery of a job finds the decisions settled and does nothing, since PostgreSQL tests the WHERE again on a
 *   row that it waited for.
 * - It settles nothing for a run that is being cancelled or was cancelled, also when that happened while this statement
 *   waited for a user. If it happens later, a trigger of the table refuses the invoices and the whole statement is undone.
 *   It takes no lock on the run: batches that share such a lock would keep fan-out and cancelling waiting.
 * - It pays the decided amount, or the present balance if that is smaller; credits that arrived since stay on the balance.
 *
 * The steps are joined by lateral lookups and through the rows that the claim returns, never directly. Without fresh
 * statistics the planner expects a handful of rows from each step and compares every row of one with every row of the
 * other (0.4 ms instead of 0.1 ms per user in batches of a thousand). The claim takes the run's id from the step before,
 * not from the parameter: for the id of a new run, which is not in the statistics, the planner would expect a single
 * decision and read them all (2 ms per user in a run of 3,000).
 *
 * @returns one outcome per user whose decision this call settled, in no order; users settled before are absent
 */
export async function createInvoices(
  db: Db,
  batch: { runId: number; userIds: readonly number[]; now: Date },
): Promise<CreatedInvoice[]> {
  try {
    return await claimAndInvoice(db, batch);
  } catch (error) {
    if (databaseErrorOf(error)?.constraint === "invoices_of_a_cancelled_run") return [];
    throw error;
  }
}

async function claimAndInvoice(
  db: Db,
  { runId, userIds, now }: { runId: number; userIds: readonly number[]; now: Date },
): Promise<CreatedInvoice[]> {
  const rows = await rowsOf(
    db,
    { userId: id, number: text, amountCents: cents, reason: nullable(oneOf(skipReasons)) },
    sql`
    with locked as (
      select d.run_id, u.id as user_id, u.status, u.balance_cents, ${userColumns.earlierInvoices} as earlier_invoices,
        d.balance_cents as decided_cents
      from run_decisions d join users u on u.id = d.user_id
      where d.run_id = ${runId} and d.user_id = any(${arrayParam(userIds, "bigint")})
        and d.decision = 'pay' and d.outcome in ${wordList(beforeInvoiced)}
      order by u.id
      for no key update of u
    ), run as (
      -- The count makes PostgreSQL lock the users first. The function then reads the state as it is now; the statement itself
      -- sees it as it was when the statement began.
      select kind, minimum_balance_cents, cooling_off_days, opened_at, payment_date,
        'INV-' || to_char(payment_date, 'YYYYMMDD') || '-' as number_prefix
      from payment_runs
      where id = ${runId} and (select count(*) from locked) > 0
        and present_run_state(id) not in ${wordList(cancelledRunStates)}
    ), judged as (
      select l.run_id, l.user_id, least(l.decided_cents, l.balance_cents) as amount_cents, m.binance_email, run.payment_date,
        run.number_prefix || l.user_id as number, ${reasonUnderLock} as reason
      from locked l cross join run left join lateral (
        select binance_email from payment_methods where user_id = l.user_id and status = 'approved' for share
      ) m on true
    ), settled as (
      update run_decisions d set
        outcome = case when j.reason is null then 'invoiced' else 'skipped' end, reason = j.reason,
        invoice_id = case when j.reason is null then nextval('invoices_id_seq') end,
        error = null, settled_at = ${instantParam(now)}
      from judged j
      where d.run_id = j.run_id and d.user_id = j.user_id and d.outcome in ${wordList(beforeInvoiced)}
      returning d.user_id, d.invoice_id, d.reason, j.payment_date, j.number, j.amount_cents, j.binance_email
    ), invoice as (
      insert into invoices (id, number, user_id, run_id, payment_date, amount_cents, currency, destination, created_at)
      overriding system value
      select invoice_id, number, user_id, ${runId}, payment_date, amount_cents, ${CURRENCY}, binance_email, ${instantParam(now)}
      from settled where reason is null
    ), entry as (
      insert into ledger_entries (user_id, kind, amount_cents, invoice_id, actor, created_at)
      select user_id, 'invoice', -amount_cents, invoice_id, 'system', ${instantParam(now)} from settled where reason is null
    ), taken as (
      update users u set balance_cents = u.balance_cents - s.amount_cents, invoice_count = u.invoice_count + 1,
        updated_at = ${instantParam(now)}
      from settled s where u.id = s.user_id and s.reason is null
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, after)
      select ${instantParam(now)}, 'system',
        case when reason is null then 'invoice.create' else 'decision.skip' end,
        case when reason is null then 'invoice:' || number else 'user:' || user_id end, reason,
        jsonb_build_object('run', ${runId}::bigint, 'user', user_id,
          'amountCents', case when reason is null then amount_cents::text end,
          'destination', case when reason is null then binance_email end)
      from settled
    )
    select user_id, number, amount_cents, reason from settled`,
  );
  return rows.map(({ userId, number, amountCents, reason }) =>
    reason === null ? { userId, outcome: "invoiced", number, amountCents } : { userId, outcome: "skipped", reason },
  );
}
