import type { Cents } from "./money.ts";
import type { Schedule } from "./schedule.ts";
import type { SkipReason } from "./states.ts";

/** The rules of a network that may be configured (docs/configuration.md); a run keeps the ones it was opened under. */
export interface Policy {
  readonly schedule: Schedule;
  /** Who is owed less waits for a later date. */
  readonly minimumBalanceCents: Cents;
  /** How many days after a payment date it is still run by itself; later ones raise an alarm instead. */
  readonly catchUpDays: number;
}

const MINIMUM = "the minimum";

/** What a skip reason means, in words for a person who asks why they were not paid. */
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
