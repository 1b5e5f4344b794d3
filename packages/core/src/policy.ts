import type { Cents } from "./money.ts";
import type { Schedule } from "./schedule.ts";
import type { SkipReason } from "./states.ts";

/** The configurable rules of a network (docs/configuration.md); a run keeps the rules it was opened with. */
export interface Policy {
  readonly schedule: Schedule;
  /** A user who is owed less waits for a later payment date. */
  readonly minimumBalanceCents: Cents;
  /** Days during which a missed payment date is still run automatically; after them it raises an alert instead. */
  readonly catchUpDays: number;
}

const explanations: Readonly<Record<SkipReason, (minimum: string) => string>> = {
  inactive: () => "the account was not active",
  "below-minimum": (minimum) => `the balance was below ${minimum}`,
  "no-approved-method": () => "there was no approved payment method (Binance e-mail)",
  "method-in-cooling-off": () => "the payment method had been changed too recently",
  "first-time-waits": () => "the user was a first-time user, and those wait for the first Monday of a month",
  "run-cancelled": () => "the run had been cancelled",
};

/** Explains a skip reason to a user who asks why they were not paid. `minimum` is the minimum balance as text. */
export function explainSkip(reason: SkipReason, minimum: string = "the minimum"): string {
  return explanations[reason](minimum);
}
