import { type LocalDate, localDateAt, type PaymentDate, type PaymentKind, paymentKindOf } from "@cpa-payouts/core";
import type { Context } from "./context.ts";

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
 */
export function readRunnableDate(
  { clock, policy }: Pick<Context, "clock" | "policy">,
  asked?: LocalDate,
): RunnableDate {
  const today = localDateAt(clock(), policy.schedule.timeZone);
  const date = asked ?? today;
  const kind = paymentKindOf(date);
  if (date > today) return { status: "future", date, kind, today };
  return kind ? { status: "runnable", date: { date, kind } } : { status: "not-a-payment-date", date };
}
