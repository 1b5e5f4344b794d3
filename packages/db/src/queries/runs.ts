import {
  type AuditContext,
  formatCents,
  type PaymentDate,
  type Policy,
  type RunState,
  type RunTrigger,
  unfinishedRunStates,
} from "@cpa-payouts/core";
import { and, desc, eq, inArray, lt, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { paymentRuns } from "../schema/index.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

export type PaymentRun = typeof paymentRuns.$inferSelect;

export interface OpenRunInput extends AuditContext {
  readonly date: PaymentDate;
  readonly trigger: RunTrigger;
  readonly policy: Policy;
  readonly now: Date;
}

/**
 * Opens the run of a payment date, unless it was opened before: later calls return the existing run.
 *
 * @returns the run, and whether this call opened it
 */
export async function openRun(db: Db, input: OpenRunInput): Promise<{ run: PaymentRun; opened: boolean }> {
  const { date, trigger, policy, actor, now } = input;
  const rows = await rowsOf(
    db,
    sql`
    with opened as (
      insert into payment_runs (payment_date, kind, trigger, minimum_balance_cents, cooling_off_days, policy, opened_by, opened_at)
      select ${date.date}::date, ${date.kind}::text, ${trigger}::text, ${policy.minimumBalanceCents}::bigint, cooling_off_days,
        ${JSON.stringify(policySnapshot(policy))}::jsonb, ${actor}, ${instantParam(now)}
      from settings
      on conflict (payment_date) do nothing
      returning payment_date, kind, trigger
    ), audit as (
      insert into audit_log (at, actor, action, object, after, request_id, client_address)
      select ${instantParam(now)}, ${actor}, 'run.open', 'run:' || payment_date,
        jsonb_build_object('kind', kind, 'trigger', trigger, 'state', 'deciding'), ${requestParams(input)}
      from opened
    )
    select payment_date from opened`,
  );
  const run = await findRun(db, date.date);
  if (!run) throw new Error(`the run of ${date.date} was neither opened nor found`);
  return { run, opened: rows.length > 0 };
}

function policySnapshot({ schedule, minimumBalanceCents, catchUpDays }: Policy) {
  return {
    timeZone: schedule.timeZone,
    tickCron: schedule.pattern,
    minimumBalance: formatCents(minimumBalanceCents),
    catchUpDays,
  };
}

/** The run of a payment date; null if there is none. */
export async function findRun(db: Db, paymentDate: string): Promise<PaymentRun | null> {
  const [run] = await db.select().from(paymentRuns).where(eq(paymentRuns.paymentDate, paymentDate));
  return run ?? null;
}

/**
 * Returns the run with an id.
 *
 * @throws Error when there is none; a job can only name such a run after the database was restored from a backup
 */
export async function getRun(db: Db, runId: number): Promise<PaymentRun> {
  const [run] = await db.select().from(paymentRuns).where(eq(paymentRuns.id, runId));
  if (!run) throw new Error(`there is no payment run ${runId}`);
  return run;
}

/** Runs, newest payment date first; `beforeDate` is the date of the previous page's last row. */
export async function listRuns(
  db: Db,
  filter: { state?: RunState; beforeDate?: string; limit?: number } = {},
): Promise<PaymentRun[]> {
  const query = db
    .select()
    .from(paymentRuns)
    .where(
      and(
        filter.state ? eq(paymentRuns.state, filter.state) : undefined,
        filter.beforeDate ? lt(paymentRuns.paymentDate, filter.beforeDate) : undefined,
      ),
    )
    .orderBy(desc(paymentRuns.paymentDate));
  return filter.limit === undefined ? query : query.limit(filter.limit);
}

/** Runs that still have work to do, oldest payment date first. */
export async function listUnfinishedRuns(db: Db): Promise<PaymentRun[]> {
  return db
    .select()
    .from(paymentRuns)
    .where(inArray(paymentRuns.state, [...unfinishedRunStates]))
    .orderBy(paymentRuns.paymentDate);
}

/** Those of the given payment dates that have a run, in any state. */
export async function datesWithRun(db: Db, dates: readonly string[]): Promise<ReadonlySet<string>> {
  if (dates.length === 0) return new Set();
  const rows = await db
    .select({ date: paymentRuns.paymentDate })
    .from(paymentRuns)
    .where(inArray(paymentRuns.paymentDate, [...dates]));
  return new Set(rows.map(({ date }) => date));
}

/**
 * Moves the fan-out's cursor to the last user queued; the last page moves the run on to `processing`. The cursor never
 * moves back, so the slower of two fan-outs cannot undo the progress of the faster one.
 */
export async function advanceFanOut(
  db: Db,
  step: { runId: number; cursor: number; finished: boolean; now: Date },
): Promise<void> {
  await rowsOf(
    db,
    sql`
    with moved as (
      update payment_runs set
        fan_out_cursor = greatest(fan_out_cursor, ${step.cursor}::bigint),
        state = case when ${step.finished} then 'processing' else state end,
        fanned_out_at = case when ${step.finished} then ${instantParam(step.now)} end
      where id = ${step.runId} and state = 'fanning-out'
      returning payment_date
    )
    insert into audit_log (at, actor, action, object, before, after)
    select ${instantParam(step.now)}, 'system', 'run.fan-out', 'run:' || payment_date, '{"state":"fanning-out"}', '{"state":"processing"}'
    from moved where ${step.finished}`,
  );
}

/**
 * Moves a run in which no decision is open to `completed`. The database decides this, never the counts of the queue.
 *
 * @param run the run as it was read before; if its failed decisions were retried since, it stays open, because this
 *   statement may not see the decisions reopened by a retry that it waited for
 * @returns whether this call completed it
 */
export async function completeRun(db: Db, run: Pick<PaymentRun, "id" | "retries">, now: Date): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    with closed as (
      update payment_runs r set state = 'completed', completed_at = ${instantParam(now)}
      where r.id = ${run.id} and r.state = 'processing' and r.retries = ${run.retries}
        and not exists (select from run_decisions d where d.run_id = r.id and d.outcome = 'open')
      returning r.payment_date
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after)
      select ${instantParam(now)}, 'system', 'run.close', 'run:' || payment_date, '{"state":"processing"}', '{"state":"completed"}'
      from closed
    )
    select payment_date from closed`,
  );
  return rows.length > 0;
}

/**
 * Cancels a run that is not finished: decisions that are not invoiced yet are skipped (`run-cancelled`), and those
 * balances wait for a later date. Existing invoices stay.
 *
 * @param run the run as it was read before; if it moved on since, this call does nothing, because the statement may not
 *   see decisions made by another statement that it waited for
 * @returns the number of users who are not paid because of it; null when the run had moved on, or was finished
 */
export async function cancelRun(
  db: Db,
  run: Pick<PaymentRun, "id" | "state" | "decideCursor" | "retries">,
  audit: AuditContext & { reason: string; now: Date },
): Promise<number | null> {
  const [row] = await rowsOf<{ users: number }>(
    db,
    sql`
    with cancelled as (
      update payment_runs r set state = 'cancelled', cancelled_at = ${instantParam(audit.now)}
      where r.id = ${run.id} and r.state = ${run.state} and r.state in ('deciding', 'fanning-out', 'processing')
        and r.decide_cursor = ${run.decideCursor} and r.retries = ${run.retries}
      returning r.id, r.payment_date
    ), skipped as (
      update run_decisions d set outcome = 'skipped', reason = 'run-cancelled', error = null, settled_at = ${instantParam(audit.now)}
      from cancelled c where d.run_id = c.id and d.outcome in ('open', 'failed')
      returning d.user_id
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after, request_id, client_address)
      select ${instantParam(audit.now)}, ${audit.actor}, 'run.cancel', 'run:' || payment_date, ${audit.reason},
        jsonb_build_object('state', ${run.state}::text),
        jsonb_build_object('state', 'cancelled', 'skipped', (select count(*) from skipped)), ${requestParams(audit)}
      from cancelled
    )
    select (select count(*) from skipped)::int as users from cancelled`,
  );
  return row?.users ?? null;
}
