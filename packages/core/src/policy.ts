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

const MINIMUM = "the minimum";

/** Explains a skip reason to a user who asks why they were not paid. `minimum` is the minimum balance as text. */
export function explainSkip(reason: SkipReason, minimum: string = MINIMUM): string {
  switch (reason) {
    case "inactive":
      return "the account was not active";
    case "below-minimum":
      return `the balance was below ${minimum}`;
    case "no-approved-method":
      return "there was no approved payment method (Binance e-mail)";
    case "method-in-cooling-off":
      return "the payment method had been changed too recently";
    case "run-cancelled":
      return "the run had been cancelled";
    case "first-time-waits":
      return "the user was a first-time user, and those wait for the first Monday of a month";
  }
}
