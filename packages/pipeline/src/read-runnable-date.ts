import {
  addDays,
  type LocalDate,
  localDateAt,
  type PaymentDate,
  type PaymentKind,
  paymentKindOf,
} from "@cpa-payouts/core";
import type { Context } from "./context.ts";
import { findScheduleInUse } from "./follow-schedule.ts";

/** No payment date before this one is run, by whatever means: an earlier one is a mistake in the year. */
const EARLIEST_RUN_DATE: LocalDate = "2000-01-01";

/** How many days a payment date may be old when its run is requested through the API. */
const MAX_AGE_DAYS = 366;

/** Whether an administrator may request the run of a date now. */
export type RunnableDate =
  | { readonly status: "runnable"; readonly date: PaymentDate }
  /** `kind` is null for a date that is not a payment date either. */
  | {
      readonly status: "future";
      readonly date: LocalDate;
      readonly kind: PaymentKind | null;
      readonly today: LocalDate;
    }
  | { readonly status: "too-old"; readonly date: LocalDate; readonly earliest: LocalDate }
  | { readonly status: "not-a-payment-date"; readonly date: LocalDate };

/**
 * Why the run of a date in the future is refused, for people.
 *
 * @param preview what shows its preview: a command or a request
 */
export function describeFutureDate({ date, today }: { date: LocalDate; today: LocalDate }, preview: string): string {
  return `${date} is in the future (today is ${today}); ${preview} shows what its run would decide`;
}

/**
 * Tests whether a date is a payment date that has come. Needs no database.
 *
 * @param asked the date; today if it is left out
 * @param earliest the first date that may be run
 */
export function readRunnableDate(
  { clock, policy }: Pick<Context, "clock" | "policy">,
  asked?: LocalDate,
  earliest: LocalDate = EARLIEST_RUN_DATE,
): RunnableDate {
  const today = localDateAt(clock(), policy.schedule.timeZone);
  const date = asked ?? today;
  const kind = paymentKindOf(date);
  if (date > today) return { status: "future", date, kind, today };
  if (date < earliest) return { status: "too-old", date, earliest };
  return kind ? { status: "runnable", date: { date, kind } } : { status: "not-a-payment-date", date };
}

/**
 * The first date whose run may be requested through the API. Each payment date is another invoice of each user, so the dates that
 * one person can open are bounded: not older than a year, and from going live on (today's may be opened before that).
 */
export async function findEarliestRequestable(ctx: Pick<Context, "db" | "clock" | "policy">): Promise<LocalDate> {
  const today = localDateAt(ctx.clock(), ctx.policy.schedule.timeZone);
  const yearAgo = addDays(today, -MAX_AGE_DAYS);
  const liveFrom = (await findScheduleInUse(ctx))?.liveFrom ?? today;
  if (liveFrom > today) return today;
  if (liveFrom < yearAgo) return yearAgo;
  return liveFrom;
}
