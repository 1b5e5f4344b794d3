import { Temporal } from "temporal-polyfill";
import { InputError } from "./errors.ts";
import { abbreviate } from "./money.ts";
import type { PaymentKind } from "./states.ts";

/** A local date as `YYYY-MM-DD`: the business date, never an instant. These strings sort chronologically. */
export type LocalDate = string;

export interface PaymentDate {
  readonly date: LocalDate;
  readonly kind: PaymentKind;
}

const MONDAY = 1;
/** The mid-month date is the first Monday strictly after the 15th, so it falls on the 16th to the 22nd. */
const MID_MONTH_EARLIEST_DAY = 16;

/**
 * The two payment dates of a month (docs/architecture.md, "Payment dates"): the first Monday, for all users, and the
 * first Monday strictly after the 15th, for returning users.
 *
 * @param month 1 to 12
 */
export function paymentDatesOfMonth(year: number, month: number): readonly [PaymentDate, PaymentDate] {
  return [
    { date: mondayOnOrAfter(year, month, 1), kind: "first-monday" },
    { date: mondayOnOrAfter(year, month, MID_MONTH_EARLIEST_DAY), kind: "mid-month" },
  ];
}

function mondayOnOrAfter(year: number, month: number, day: number): LocalDate {
  const start = Temporal.PlainDate.from({ year, month, day });
  const daysUntilMonday = (7 + MONDAY - start.dayOfWeek) % 7;
  return start.add({ days: daysUntilMonday }).toString();
}

/** The kind of a local date, or null when it is not a payment date. */
export function paymentKindOf(date: LocalDate): PaymentKind | null {
  const { year, month } = Temporal.PlainDate.from(date);
  return paymentDatesOfMonth(year, month).find((candidate) => candidate.date === date)?.kind ?? null;
}

/** All payment dates from `from` to `to`, both included, oldest first. Empty when `to` is before `from`. */
export function paymentDatesBetween(from: LocalDate, to: LocalDate): PaymentDate[] {
  const dates: PaymentDate[] = [];
  const last = Temporal.PlainDate.from(to);
  let month = Temporal.PlainDate.from(from).toPlainYearMonth();
  while (Temporal.PlainYearMonth.compare(month, last.toPlainYearMonth()) <= 0) {
    dates.push(...paymentDatesOfMonth(month.year, month.month));
    month = month.add({ months: 1 });
  }
  return dates.filter(({ date }) => from <= date && date <= to);
}

/** The first payment date strictly after `date`. */
export function nextPaymentDate(date: LocalDate): PaymentDate {
  const from = addDays(date, 1);
  // Two payment dates are at most 21 days apart (a month that begins on a Monday: the 1st and the 22nd).
  const [next] = paymentDatesBetween(from, addDays(from, 31));
  if (!next) throw new Error(`no payment date within a month after ${date}`);
  return next;
}

/** The latest payment date on or before `date`. */
export function latestPaymentDate(date: LocalDate): PaymentDate {
  const latest = paymentDatesBetween(addDays(date, -31), date).at(-1);
  if (!latest) throw new Error(`no payment date within a month before ${date}`);
  return latest;
}

/** The local date `days` days after a date; before it when negative. */
export function addDays(date: LocalDate, days: number): LocalDate {
  return Temporal.PlainDate.from(date).add({ days }).toString();
}

/** The same day `months` months later, or the last day of a shorter month: a month after January 31 is February 28. */
export function addMonths(date: LocalDate, months: number): LocalDate {
  return Temporal.PlainDate.from(date).add({ months }).toString();
}

const EARLIEST_MS = Date.UTC(1900, 0, 1);
const TOO_LATE_MS = Date.UTC(3000, 0, 1);

/**
 * Parses an instant from 1900 to 2999 (in UTC), written in ISO 8601 with its zone. PostgreSQL has no year 0.
 *
 * @throws InputError for an earlier or later one, and for a text that is no instant
 */
export function parseInstant(text: string): Date {
  const instant = new Date(text);
  if (instant.getTime() >= EARLIEST_MS && instant.getTime() < TOO_LATE_MS) return instant;
  throw new InputError(`"${abbreviate(text)}" is not an instant with a year from 1900 to 2999`);
}

/**
 * Parses an existing date from 1900 to 2999, written as `YYYY-MM-DD`.
 *
 * @throws InputError for anything else, such as `2026-02-30` or `12/07/2026`
 */
export function parseLocalDate(text: string): LocalDate {
  // Temporal accepts far more than a calendar date (times, zones, `20261207`), hence the shape is tested first.
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) throw new InputError(`"${text}" is not a date: write YYYY-MM-DD`);
  // Later payment dates must also have a year of four digits, and PostgreSQL has no year 0.
  if (text < "1900" || text >= "3000")
    throw new InputError(`"${text}" is too far away: write a year from 1900 to 2999`);
  try {
    return Temporal.PlainDate.from(text, { overflow: "reject" }).toString();
  } catch (cause) {
    if (cause instanceof RangeError) throw new InputError(`"${text}" is not a date: there is no such day`);
    throw cause;
  }
}
