import {
  addDays,
  type LocalDate,
  localDateAt,
  nextPaymentDate,
  type PaymentDate,
  type Policy,
  type SkipReason,
} from "@cpa-payouts/core";

import { findApprovedMethod, findDecision, getSettings, type User } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";
import { currentOrNextPaymentDate } from "./summary.ts";

export interface ExpectedPayment {
  readonly paymentDate: LocalDate;
  readonly kind: PaymentDate["kind"];
  /** The present balance. */
  readonly amountCents: bigint;
  /** What must change before that date, in the order in which a run tests it; empty when nothing is missing. */
  readonly missing: readonly MissingForPayment[];
}

export type MissingForPayment = Exclude<SkipReason, "first-time-waits" | "run-cancelled">;

/**
 * Predicts a user's next payment: the first payment date, today included, at which the rule of the run may pay the
 * user. For a first-time user that is a first Monday. A run's decision has only the first test that failed as its
 * reason; this names all of them.
 */
export async function expectPayment(ctx: DataContext, user: User, policy: Policy): Promise<ExpectedPayment> {
  const { timeZone } = policy.schedule;
  const today = localDateAt(ctx.clock(), timeZone);
  const current = currentOrNextPaymentDate(today);
  const isDecided = current.date === today && (await findDecision(ctx.db, user.id, today)) !== null;
  const { date, kind } = firstDateFor(user, isDecided ? nextPaymentDate(today) : current);
  const method = await findApprovedMethod(ctx.db, user.id);
  const { coolingOffDays } = await getSettings(ctx.db);
  // A run opens in the early hours of its date, so the cooling-off still holds on the day on which it ends.
  const coolsUntil = method?.isChange ? addDays(localDateAt(method.createdAt, timeZone), coolingOffDays) : null;
  const missing: MissingForPayment[] = [];
  if (user.status !== "active") missing.push("inactive");
  if (user.balanceCents < policy.minimumBalanceCents) missing.push("below-minimum");
  if (!method) missing.push("no-approved-method");
  if (coolingOffDays > 0 && coolsUntil !== null && date <= coolsUntil) missing.push("method-in-cooling-off");
  return { paymentDate: date, kind, amountCents: user.balanceCents, missing };
}

function firstDateFor({ previousInvoices, invoiceCount }: User, earliest: PaymentDate): PaymentDate {
  const isFirstTime = previousInvoices + invoiceCount === 0;
  return isFirstTime && earliest.kind === "mid-month" ? nextPaymentDate(earliest.date) : earliest;
}
