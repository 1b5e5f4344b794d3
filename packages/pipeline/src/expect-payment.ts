import {
  addDays,
  type LocalDate,
  localDateAt,
  MS_PER_DAY,
  nextPaymentDate,
  type PaymentDate,
  type Policy,
  startOfDay,
  type UserReason,
  userReasons,
} from "@cpa-payouts/core";
import { findDecision, findSkipReasons, getSettings, type User } from "@cpa-payouts/db";
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
  const { timeZone } = schedule;
  const { coolingOffDays } = await getSettings(ctx.db);
  const today = localDateAt(ctx.clock(), timeZone);
  const earliest = await nextUnsettledDate(today, async (date) => (await findDecision(ctx.db, user.id, date)) !== null);
  for (const { date, kind } of [earliest, nextPaymentDate(earliest.date)]) {
    const since = coolingOffSince({ date, coolingOffDays, timeZone });
    const run = { userId: user.id, kind, minimumBalanceCents, coolingOffDays, since };
    const reasons = await findSkipReasons(ctx.db, run);
    const missing = userReasons.filter((reason) => reasons.includes(reason));
    // Another reason lies with the kind of the date, and the user waits for the next one.
    if (missing.length === reasons.length) return { paymentDate: date, kind, amountCents: user.balanceCents, missing };
  }
  throw new Error("a reason that lies with the date applies on two payment dates in succession");
}

/**
 * The instant from which the rule counts the days of the cooling-off back, for a run that is not open yet. A run opens in
 * the early hours of its date. A Binance e-mail changed `coolingOffDays` days before the date, at a later time of day, is
 * then still in its cooling-off. The instant is therefore chosen so that the rule counts the whole of that local day.
 */
function coolingOffSince(input: { date: LocalDate; coolingOffDays: number; timeZone: string }): Date {
  const { date, coolingOffDays, timeZone } = input;
  const earliest = startOfDay(addDays(date, -coolingOffDays), timeZone);
  return new Date(earliest.getTime() - 1 + coolingOffDays * MS_PER_DAY);
}
