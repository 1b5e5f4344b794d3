import { dueDates, type LocalDate, type PaymentDate, type Policy, paymentKindOf } from "@cpa-payouts/core";
import { datesWithRun, findScheduler, findViolations, listRuns, type Violation } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";
import { liveFromOf } from "./follow-schedule.ts";

/**
 * Checks every invariant of the stored data and the calendar. It only reads, and may run while money moves.
 *
 * @param onChecked called with the name of each invariant once it is checked
 * @returns the violations; empty when all invariants hold
 */
export async function verify(
  ctx: Pick<DataContext, "db" | "clock">,
  policy: Policy,
  onChecked: (invariant: string) => void = () => {},
): Promise<Violation[]> {
  const violations = await findViolations(ctx.db, onChecked);
  violations.push(...(await runsOffCalendar(ctx)));
  onChecked(ON_CALENDAR);
  violations.push(...(await missedDates(ctx, policy)));
  onChecked(NOT_MISSED);
  return violations;
}

const ON_CALENDAR = "the date of a run is a payment date of its kind";
const NOT_MISSED = "no payment date was missed";

async function runsOffCalendar(ctx: Pick<DataContext, "db">): Promise<Violation[]> {
  const runs = await listRuns(ctx.db);
  return runs
    .filter(({ paymentDate, kind }) => paymentKindOf(paymentDate) !== kind)
    .map(({ paymentDate, kind }) => ({
      invariant: ON_CALENDAR,
      subject: `run ${paymentDate}`,
      detail: `stored as ${kind}, the calendar says ${paymentKindOf(paymentDate) ?? "no payment date"}`,
    }));
}

async function missedDates(ctx: Pick<DataContext, "db" | "clock">, policy: Policy): Promise<Violation[]> {
  const missed = await findMissedDates(ctx, policy);
  return missed.map((date) => ({
    invariant: NOT_MISSED,
    subject: `payment date ${date}`,
    detail: `it is more than ${policy.catchUpDays} days old and has no run; "payouts run --date ${date}" makes up for it`,
  }));
}

/**
 * Due dates without a run that are older than the catch-up window, oldest first; none before the first tick. They are run
 * only on request.
 */
export async function findMissedDates(
  ctx: Pick<DataContext, "db" | "clock">,
  policy: Policy,
): Promise<readonly LocalDate[]> {
  const scheduler = await findScheduler(ctx.db);
  if (!scheduler) return [];
  const liveFrom = liveFromOf(scheduler, policy.schedule);
  const { missed } = dueDates(ctx.clock(), liveFrom, policy.catchUpDays, policy.schedule);
  return withoutRun(ctx, missed);
}

const MINUTE_MS = 60_000;

/** Twelve ticks: a date that none of them opened needs a person. */
const OVERDUE_AFTER_MS = 60 * MINUTE_MS;

/**
 * Dates that have no run an hour after they became due, oldest first: missed dates, and dates that a tick should have
 * opened but did not, because no tick comes or an earlier run does not end. None before the first tick.
 */
export async function findOverdueDates(
  ctx: Pick<DataContext, "db" | "clock">,
  policy: Policy,
): Promise<readonly LocalDate[]> {
  const scheduler = await findScheduler(ctx.db);
  if (!scheduler) return [];
  const anHourAgo = new Date(ctx.clock().getTime() - OVERDUE_AFTER_MS);
  const liveFrom = liveFromOf(scheduler, policy.schedule);
  const { due, missed } = dueDates(anHourAgo, liveFrom, policy.catchUpDays, policy.schedule);
  return withoutRun(ctx, [...missed, ...due]);
}

async function withoutRun({ db }: Pick<DataContext, "db">, dates: readonly PaymentDate[]): Promise<LocalDate[]> {
  const candidates = dates.map(({ date }) => date);
  const there = await datesWithRun(db, candidates);
  return candidates.filter((date) => !there.has(date));
}
