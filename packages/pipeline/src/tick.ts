import { dueDates, localDateAt, OperationError, type PaymentDate } from "@cpa-payouts/core";
import {
  addUpTallies,
  datesWithRun,
  describeError,
  findScheduler,
  listUnfinishedRuns,
  type PaymentRun,
  recordTick,
  recordTickFailure,
  recordTickSuccess,
} from "@cpa-payouts/db";
import { type Context, SYSTEM_ACTOR } from "./context.ts";
import { endGuardedChanges } from "./end-guarded-changes.ts";
import { followSchedule, liveFromOf } from "./follow-schedule.ts";
import { channelsOf, raiseAlerts } from "./raise-alerts.ts";
import { resumeRun } from "./resume-run.ts";
import { type SeparateSteps, type StepFailure, separateSteps } from "./separate-steps.ts";
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
 *
 * The steps fail apart from each other: none stops the next (docs/decisions/0019-steps-fail-apart.md).
 *
 * @throws OperationError that names every step that failed, after all steps
 */
export async function tick(ctx: Context): Promise<TickResult> {
  const now = ctx.clock();
  const steps = separateSteps((failures) => reportFailure(ctx, failures));
  await steps.run("record-tick", () => recordTick(ctx.db, now, { isAlerting: channelsOf(ctx).length > 0 }));
  const resumed = await resumeRuns(ctx, steps);
  await steps.run("follow-schedule", () => storeSchedule(ctx, now));
  const dates = await steps.run("open-run", () => openOldestDate(ctx, now));
  await steps.run("add-up-tallies", () => addUpTallies(ctx.db));
  await steps.run("tidy-sign-ins", () => tidySignIns(ctx));
  await raiseAlerts(ctx, steps);
  // Afterwards: what has waited long enough was announced by an earlier tick, also when there was none for days.
  await endGuardedChanges(ctx, steps);
  if (steps.failures.length === 0) await steps.run("record-success", () => recordTickSuccess(ctx.db, ctx.clock()));
  if (!dates || steps.failures.length > 0) throw failedTick(steps.failures);
  const { due, ...found } = dates;
  const result = { ...found, resumed };
  ctx.log.debug({ ...result, due }, "tick.done");
  return result;
}

/**
 * Logs and stores a failed step at once, not at the end of the tick: the step that raises alerts reads what is stored, and
 * the process may die before the end.
 */
async function reportFailure(ctx: Context, failures: readonly StepFailure[]): Promise<void> {
  const last = failures.at(-1);
  ctx.log.error({ ...last }, "tick.step-failed");
  const steps = failures.map(({ step }) => step);
  const error = failures[0]?.error ?? "";
  await recordTickFailure(ctx.db, { steps, error, now: ctx.clock() }).catch((cause: unknown) => {
    ctx.log.warn({ error: describeError(cause) }, "tick.failure-not-recorded");
  });
}

function failedTick(failures: readonly StepFailure[]): OperationError {
  return new OperationError(`the tick failed at ${failures.map(({ step, error }) => `${step} (${error})`).join(", ")}`);
}

/** Queues the lost jobs of each unfinished run; a run whose resume fails does not stop that of the next one. */
async function resumeRuns(ctx: Context, steps: SeparateSteps): Promise<number> {
  const unfinished = (await steps.run("list-unfinished-runs", () => listUnfinishedRuns(ctx.db))) ?? [];
  for (const run of unfinished) await steps.run(`resume-run ${run.paymentDate}`, () => resumeRun(ctx, run));
  return unfinished.length;
}

/** Opens the run of the oldest date that is due, unless an older run is unfinished. */
async function openOldestDate(ctx: Context, now: Date) {
  const { due, missed } = await datesWithoutRun(ctx, now);
  for (const { date } of missed) ctx.log.error({ paymentDate: date }, "payment-date.missed");
  const unfinished = await listUnfinishedRuns(ctx.db);
  const [oldest] = due;
  const opened = oldest && !isBlocked(oldest, unfinished) ? await openDueRun(ctx, oldest, now) : null;
  return { opened, missed: missed.length, due: due.length };
}

async function storeSchedule(ctx: Context, now: Date): Promise<void> {
  const scheduler = await findScheduler(ctx.db);
  if (scheduler) await followSchedule(ctx, scheduler, now);
}

async function datesWithoutRun(ctx: Context, now: Date) {
  const scheduler = await findScheduler(ctx.db);
  // The tick could not be recorded, and no date was due before the first one.
  if (!scheduler) return { due: [], missed: [] };
  const { due, missed } = dueDates(
    now,
    liveFromOf(scheduler, ctx.policy.schedule),
    ctx.policy.catchUpDays,
    ctx.policy.schedule,
  );
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
