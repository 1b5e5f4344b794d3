import { type AuditContext, formatCents, type PaymentDate, type Policy, type RunTrigger } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { findRun, type PaymentRun } from "../reads/runs.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

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
  const returned = await execute(
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
  return { run, opened: returned > 0 };
}

function policySnapshot({ schedule, minimumBalanceCents, catchUpDays }: Policy) {
  return {
    timeZone: schedule.timeZone,
    tickCron: schedule.pattern,
    minimumBalance: formatCents(minimumBalanceCents),
    catchUpDays,
  };
}
