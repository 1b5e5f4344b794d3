import {
  formatCents,
  type PaymentDate,
  type Policy,
  type RunState,
  type RunTrigger,
  unfinishedRunStates,
} from "@cpa-payouts/core";
import { desc, eq, inArray, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { paymentRuns } from "../schema/index.ts";
import { instantParam, rowsOf } from "../sql.ts";

export type PaymentRun = typeof paymentRuns.$inferSelect;

export interface OpenRunInput {
  readonly date: PaymentDate;
  readonly trigger: RunTrigger;
  readonly policy: Policy;
  readonly actor: string;
  readonly now: Date;
}

/**
 * Opens the run of a payment date, once: whoever comes second gets the run that is there.
 *
 * @returns the run, and whether this call opened it
 */
export async function openRun(db: Db, input: OpenRunInput): Promise<{ run: PaymentRun; opened: boolean }> {
  const { date, trigger, policy, actor, now } = input;
  const rows = await rowsOf(
    db,
    sql`
    with opened as (
      insert into payment_runs (payment_date, kind, trigger, minimum_balance_cents, policy, opened_by, opened_at)
      values (${date.date}, ${date.kind}, ${trigger}, ${policy.minimumBalanceCents}, ${JSON.stringify(policySnapshot(policy))}::jsonb,
        ${actor}, ${instantParam(now)})
      on conflict (payment_date) do nothing
      returning payment_date, kind, trigger
    ), audit as (
      insert into audit_log (at, actor, action, object, after)
      select ${instantParam(now)}, ${actor}, 'run.open', 'run:' || payment_date,
        jsonb_build_object('kind', kind, 'trigger', trigger, 'state', 'deciding')
      from opened
    )
    select payment_date from opened`,
  );
  const run = await findRun(db, date.date);
  if (!run) throw new Error(`the run of ${date.date} is neither new nor there`);
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

export async function findRun(db: Db, paymentDate: string): Promise<PaymentRun | null> {
  const [run] = await db.select().from(paymentRuns).where(eq(paymentRuns.paymentDate, paymentDate));
  return run ?? null;
}

/** @throws Error when there is no such run, which a job's payload can only name after a restore from a backup */
export async function getRun(db: Db, runId: number): Promise<PaymentRun> {
  const [run] = await db.select().from(paymentRuns).where(eq(paymentRuns.id, runId));
  if (!run) throw new Error(`there is no payment run ${runId}`);
  return run;
}

/** Runs, newest payment date first. */
export async function listRuns(db: Db, filter: { state?: RunState; limit?: number } = {}): Promise<PaymentRun[]> {
  const query = db
    .select()
    .from(paymentRuns)
    .where(filter.state ? eq(paymentRuns.state, filter.state) : undefined)
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

/** Those of the given payment dates that have a run, in whatever state. */
export async function datesWithRun(db: Db, dates: readonly string[]): Promise<ReadonlySet<string>> {
  if (dates.length === 0) return new Set();
  const rows = await db
    .select({ date: paymentRuns.paymentDate })
    .from(paymentRuns)
    .where(inArray(paymentRuns.paymentDate, [...dates]));
  return new Set(rows.map(({ date }) => date));
}

/**
 * Moves the fan-out's cursor behind the last user queued; the last page moves the run on to `processing`. The cursor
 * never goes back, so that the slower of two fan-outs cannot undo the faster one's progress.
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
 * Closes a run in which no decision is open. It is decided here, in the database, never from the queue's counts.
 *
 * @param run the run as it was read before; if its failed jobs were retried since, it stays open, because this
 *   statement may not see the decisions opened by a retry that it had to wait for
 * @returns whether this call closed it
 */
export async function closeRun(db: Db, run: Pick<PaymentRun, "id" | "retries">, now: Date): Promise<boolean> {
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
