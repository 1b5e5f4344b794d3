/** What people are told about without asking. */
export const alertEvents = ["run-finished", "run-cancelled", "date-missed", "review-overdue"] as const;
export type AlertEvent = (typeof alertEvents)[number];

/** How an alert reaches people. */
export const alertChannels = ["webhook", "email"] as const;
export type AlertChannel = (typeof alertChannels)[number];

/** An alert in words. It leaves the system, so it holds dates, counts and amounts, and nobody's name or address. */
export interface AlertMessage {
  /** Letters, digits and dashes; the same each time the alert is sent, and of no other alert of any installation. */
  readonly id: string;
  /** What happened, on one line. */
  readonly headline: string;
  /** What to do about it, in one sentence. */
  readonly advice: string;
  /** More lines, for where there is room. */
  readonly details: readonly string[];
  /** Where to look; null where nobody said what this installation's address is. */
  readonly link: string | null;
}
