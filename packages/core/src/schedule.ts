import { CronExpressionParser } from "cron-parser";
import { Temporal } from "temporal-polyfill";
import { addDays, type LocalDate, type PaymentDate, paymentDatesBetween } from "./payment-calendar.ts";

/**
 * When the tick fires: a cron pattern in an IANA time zone. BullMQ also uses cron-parser, so a time computed here is
 * the time at which the Job Scheduler fires; other parsers differ in the gaps of daylight saving time.
 */
export interface Schedule {
  readonly pattern: string;
  readonly timeZone: string;
}

export const MS_PER_DAY = 86_400_000;
const CHECKED_YEARS = 3;
/** Days simulated before and after each clock change of a zone. */
const SIMULATED_DAYS = 3;

/** The local date in a zone at an instant. */
export function localDateAt(instant: Date, timeZone: string): LocalDate {
  return Temporal.Instant.fromEpochMilliseconds(instant.getTime())
    .toZonedDateTimeISO(timeZone)
    .toPlainDate()
    .toString();
}

/** The instant at which a local date begins in a zone (which is not midnight where daylight saving skips it). */
export function startOfDay(date: LocalDate, timeZone: string): Date {
  return new Date(Temporal.PlainDate.from(date).toZonedDateTime(timeZone).epochMilliseconds);
}

/**
 * The instant at which a payment date is due: the first fire of the schedule on that local date.
 *
 * @throws Error when the schedule does not fire on that date, which {@link findScheduleProblem} rules out beforehand
 */
export function dueAt(date: LocalDate, schedule: Schedule): Date {
  // One millisecond earlier, because cron-parser looks strictly after its start and midnight itself may be a fire.
  const justBefore = new Date(startOfDay(date, schedule.timeZone).getTime() - 1);
  const first = firesAfter(justBefore, schedule).next().toDate();
  if (localDateAt(first, schedule.timeZone) !== date)
    throw new Error(`the schedule ${describeSchedule(schedule)} does not fire on ${date}`);
  return first;
}

function firesAfter(instant: Date, schedule: Schedule) {
  return CronExpressionParser.parse(schedule.pattern, { tz: schedule.timeZone, currentDate: instant });
}

/** A schedule in a sentence: `"0 2 * * *" in UTC`. */
export function describeSchedule({ pattern, timeZone }: Schedule): string {
  return `"${pattern}" in ${timeZone}`;
}

/**
 * Checks that a schedule fires exactly once on every local date of the next three years. Some zones skip or repeat an
 * hour across midnight or shift by half an hour. There a harmless-looking pattern can skip a day, fire twice, or fail
 * in the parser, as 02:00 does in `Antarctica/Troll` and `Australia/Lord_Howe`.
 *
 * @param from the start of the three years
 * @returns null when the schedule is valid, otherwise one sentence that names the problem
 */
export function findScheduleProblem(schedule: Schedule, from: Date): string | null {
  if (!isTimeZone(schedule.timeZone)) return `"${schedule.timeZone}" is not an IANA time zone`;
  try {
    return findPatternProblem(schedule) ?? findClockChangeProblem(schedule, from);
  } catch (cause) {
    return `the schedule ${describeSchedule(schedule)} cannot be computed: ${(cause as Error).message}`;
  }
}

/** Newer engines accept offsets such as `+02:00` as zones. An offset knows no daylight saving time, so it is refused everywhere. */
const ZONE_NAME = /^[A-Za-z][\w/+-]*$/;

function isTimeZone(timeZone: string): boolean {
  if (!ZONE_NAME.test(timeZone)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone);
    return true;
  } catch (cause) {
    if (cause instanceof RangeError) return false;
    throw cause;
  }
}

function findPatternProblem(schedule: Schedule): string | null {
  const name = `the schedule ${describeSchedule(schedule)}`;
  if (/(^|[\s,])H/.test(schedule.pattern)) return `${name} has a random time (H); write a fixed one`;
  const { second, minute, hour, dayOfMonth, month, dayOfWeek } = CronExpressionParser.parse(schedule.pattern).fields;
  if (second.values.length * minute.values.length * hour.values.length > 1) return `${name} fires more than once a day`;
  // Sunday is both 0 and 7.
  const weekdays = new Set(dayOfWeek.values.map((day) => Number(day) % 7));
  const isDaily = weekdays.size === 7 && dayOfMonth.values.length === 31 && month.values.length === 12;
  return isDaily ? null : `${name} does not fire on every day`;
}

/**
 * A pattern that names one time of every day can only go wrong where the zone's clocks change, so only the days around
 * each change are simulated. Simulating all days of three years would take up to two seconds at every start.
 */
function findClockChangeProblem(schedule: Schedule, from: Date): string | null {
  const end = from.getTime() + CHECKED_YEARS * 365.25 * MS_PER_DAY;
  const presentProblem = simulateAround(from, schedule);
  if (presentProblem) return presentProblem;
  let change = Temporal.Instant.fromEpochMilliseconds(from.getTime())
    .toZonedDateTimeISO(schedule.timeZone)
    .getTimeZoneTransition("next");
  while (change && change.epochMilliseconds <= end) {
    const problem = simulateAround(new Date(change.epochMilliseconds), schedule);
    if (problem) return problem;
    change = change.getTimeZoneTransition("next");
  }
  return null;
}

function simulateAround(change: Date, schedule: Schedule): string | null {
  const fires = firesAfter(new Date(change.getTime() - SIMULATED_DAYS * MS_PER_DAY), schedule);
  const end = change.getTime() + SIMULATED_DAYS * MS_PER_DAY;
  let previous = localDateAt(fires.next().toDate(), schedule.timeZone);
  for (;;) {
    const fire = fires.next().toDate();
    const date = localDateAt(fire, schedule.timeZone);
    if (date === previous) return `the schedule ${describeSchedule(schedule)} fires more than once on ${date}`;
    const expected = addDays(previous, 1);
    if (date !== expected) return `the schedule ${describeSchedule(schedule)} does not fire on ${expected}`;
    if (fire.getTime() > end) return null;
    previous = date;
  }
}

/**
 * The first local date that is run automatically: that of going live if the schedule still fires on it, otherwise the next
 * one. It is computed once and kept. Computed anew, a change of zone or time would make an earlier date due, which the
 * previous system may have paid.
 *
 * @param liveSince the instant of the first tick ever
 * @param schedule the schedule in force at that instant
 */
export function firstLiveDate(liveSince: Date, schedule: Schedule): LocalDate {
  const date = localDateAt(liveSince, schedule.timeZone);
  return liveSince <= dueAt(date, schedule) ? date : addDays(date, 1);
}

export interface DueDates {
  /** Due and within the catch-up window, oldest first: these are run. */
  readonly due: readonly PaymentDate[];
  /** Due since going live but older than the window, oldest first: these raise an alert unless they have a run. */
  readonly missed: readonly PaymentDate[];
}

/**
 * The payment dates that are due at an instant, since going live (docs/architecture.md, "The tick"). A date is due from
 * the schedule's first fire on it. Dates before going live are left out: the previous system may have paid them.
 *
 * @param liveFrom the first local date that is run automatically, see {@link firstLiveDate}
 * @param catchUpDays days after a payment date during which it is still run automatically
 */
export function dueDates(now: Date, liveFrom: LocalDate, catchUpDays: number, schedule: Schedule): DueDates {
  const today = localDateAt(now, schedule.timeZone);
  const oldestCaughtUp = addDays(today, -catchUpDays);
  const dates = paymentDatesBetween(liveFrom, today).filter(({ date }) => dueAt(date, schedule) <= now);
  return {
    due: dates.filter(({ date }) => date >= oldestCaughtUp),
    missed: dates.filter(({ date }) => date < oldestCaughtUp),
  };
}
