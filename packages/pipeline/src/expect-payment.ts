import {
  dueAt,
  type LocalDate,
  localDateAt,
  nextPaymentDate,
  type PaymentDate,
  type Policy,
  type Schedule,
  type UserReason,
  userReasons,
} from "@cpa-payouts/core";
import { findDecision, findRun, findSkipReasons, getSettings, type User } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";
import { nextUnsettledDate } from "./summary.ts";

export interface ExpectedPayment {
  readonly paymentDate: LocalDate;
  readonly kind: PaymentDate["kind"];
  /** The present balance. */
  readonly amountCents: bigint;
  /** What must change before that date, in the order in which a run tests it; empty when nothing is missing. */
  readonly missing: readonly UserReason[];
}

/**
 * Predicts a user's next payment: the first payment date, today included, at which a run may pay the user. For a
 * first-time user that is a first Monday. The decision of a run stores only the first reason to skip; the result has all
 * of them.
 *
 * @returns the date, the present balance in cents, and every reason for which a run of that date would skip the user
 */
export async function expectPayment(ctx: DataContext, user: User, policy: Policy): Promise<ExpectedPayment> {
  const { schedule, minimumBalanceCents } = policy;
  const { coolingOffDays } = await getSettings(ctx.db);
  const today = localDateAt(ctx.clock(), schedule.timeZone);
  const earliest = await nextUnsettledDate(today, (date) => isSettled(ctx, user, date));
  for (const { date, kind } of [earliest, nextPaymentDate(earliest.date)]) {
    const since = await opensAt(ctx, date, schedule);
    const run = { userId: user.id, kind, minimumBalanceCents, coolingOffDays, since };
    const reasons = await findSkipReasons(ctx.db, run);
    const missing = userReasons.filter((reason) => reasons.includes(reason));
    // Another reason lies with the kind of the date, and the user waits for the next one.
    if (missing.length === reasons.length) return { paymentDate: date, kind, amountCents: user.balanceCents, missing };
  }
  throw new Error("a reason that lies with the date applies on two payment dates in succession");
}

/** Whether the run of a date has decided about a user, or about everybody: it considers no one later. */
async function isSettled({ db }: DataContext, user: User, date: LocalDate): Promise<boolean> {
  const run = await findRun(db, date);
  if (!run) return false;
  return run.state !== "deciding" || (await findDecision(db, user.id, date)) !== null;
}

/**
 * The instant from which the rule counts the days of the cooling-off back: when the run of the date was opened, or else will
 * be. That is the first tick at which the date is due, now if that has passed.
 */
async function opensAt({ db, clock }: DataContext, date: LocalDate, schedule: Schedule): Promise<Date> {
  const run = await findRun(db, date);
  if (run) return run.openedAt;
  return new Date(Math.max(clock().getTime(), dueAt(date, schedule).getTime()));
}
