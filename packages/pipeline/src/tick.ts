import { dueDates, type LocalDate, localDateAt, type PaymentDate } from "@cpa-payouts/core";
import { addUpTallies, datesWithRun, listUnfinishedRuns, type PaymentRun, recordTick } from "@cpa-payouts/db";
import { type Context, SYSTEM_ACTOR } from "./context.ts";
import { followSchedule } from "./follow-schedule.ts";
import { channelsOf, raiseAlerts } from "./raise-alerts.ts";
import { resumeRun } from "./resume-run.ts";
import { startRun } from "./start-run.ts";
import { tidySignIns } from "./tidy-sign-ins.ts";

export interface TickResult {
  /** The payment date whose run this tick opened; null for none. */
  readonly opened: string | null;
  /** Unfinished runs, whose lost jobs were queued again. */
  readonly resumed: number;
  /** Due dates beyond the catch-up window without a run. */
  readonly missed: number;
  readonly [field: string]: string | number | null;
}

/**
 * Looks for payment dates that are due and have no run, and for runs that are not finished. Level-triggered: it looks
 * for what is missing and does not ask which day it is, so the next tick makes up for a lost one. Dates are opened one
 * at a time, oldest first, because a run changes who is returning and what is owed at the next date.
 */
export async function tick(ctx: Context): Promise<TickResult> {
  const now = ctx.clock();
  const scheduler = await recordTick(ctx.db, now, { isAlerting: channelsOf(ctx).length > 0 });
  const liveFrom = await followSchedule(ctx, scheduler, now);
  const { due, missed } = await datesWithoutRun(ctx, now, liveFrom);
  for (const { date } of missed) ctx.log.error({ paymentDate: date }, "payment-date.missed");

  const unfinished = await listUnfinishedRuns(ctx.db);
  for (const run of unfinished) await resumeRun(ctx, run);
  const [oldest] = due;
  const opened = oldest && !isBlocked(oldest, unfinished) ? await openDueRun(ctx, oldest, now) : null;
  await addUpTallies(ctx.db);
  await tidySignIns(ctx);
  await raiseAlerts(ctx);
  const result = { opened, resumed: unfinished.length, missed: missed.length };
  ctx.log.debug({ ...result, due: due.length }, "tick.done");
  return result;
}

async function datesWithoutRun(ctx: Context, now: Date, liveFrom: LocalDate) {
  const { due, missed } = dueDates(now, liveFrom, ctx.policy.catchUpDays, ctx.policy.schedule);
  const there = await datesWithRun(
    ctx.db,
    [...due, ...missed].map(({ date }) => date),
  );
  const lacksRun = ({ date }: PaymentDate) => !there.has(date);
  return { due: due.filter(lacksRun), missed: missed.filter(lacksRun) };
}

function isBlocked({ date }: PaymentDate, unfinished: readonly PaymentRun[]): boolean {
  return unfinished.some((run) => run.paymentDate < date);
}

async function openDueRun(ctx: Context, date: PaymentDate, now: Date): Promise<string> {
  const today = localDateAt(now, ctx.policy.schedule.timeZone);
  const trigger = date.date === today ? "schedule" : "catch-up";
  await startRun(ctx, { date, trigger, actor: SYSTEM_ACTOR });
  return date.date;
}
