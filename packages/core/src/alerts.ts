/** The events that raise an alert. */
export const alertEvents = [
  "run-finished",
  "run-cancelled",
  "date-missed",
  "review-overdue",
  "tick-failed",
  "sign-ins-failed",
  "sign-in-from-new-address",
  "change-waits",
  "admin-created",
  "admin-changed",
  "credentials-changed",
  "rule-relaxed",
  "token-created",
] as const;
export type AlertEvent = (typeof alertEvents)[number];

/** What alerts give way to: those of a lower rank are sent first. */
export const alertRanks = [1, 2, 3] as const;
export type AlertRank = (typeof alertRanks)[number];

/**
 * The ranks of the events. A change that waits is made after a day if nobody stops it, and the day begins with its alert, so
 * this alert comes before all others: many changes of access, or many sign-ins, cannot be used to hide it. Who got access, and which
 * rules protect less, comes before what ticks, runs and sign-ins report.
 */
const ranks: Readonly<Partial<Record<AlertEvent, AlertRank>>> = {
  "change-waits": 1,
  "admin-created": 2,
  "admin-changed": 2,
  "credentials-changed": 2,
  "rule-relaxed": 2,
  "token-created": 2,
};

/** The rank of the alerts of an event; 3 unless it is about access or rules. */
export function rankOfAlert(event: AlertEvent): AlertRank {
  return ranks[event] ?? 3;
}

/** The events that are about a payment date; an alert of another event has none. */
export const datedAlertEvents = ["run-finished", "run-cancelled", "date-missed"] as const satisfies AlertEvent[];

/** The channels through which an alert is sent. */
export const alertChannels = ["webhook", "email"] as const;
export type AlertChannel = (typeof alertChannels)[number];

/**
 * The text of an alert. It leaves the system, so it holds dates, counts and amounts, and the e-mails of administrators, but
 * no user's name or e-mail.
 */
export interface AlertMessage {
  /** Letters, digits and dashes. The same each time the alert is sent, and unique across all installations. */
  readonly id: string;
  /** What happened, on one line. */
  readonly headline: string;
  /** What to do about it, in one sentence. */
  readonly advice: string;
  /** Further lines, for channels that have room for them. */
  readonly details: readonly string[];
  /** The page to look at; null when the installation's public URL is not configured. */
  readonly link: string | null;
  /** The e-mail address of the person whom the alert concerns; undefined for the channel's recipients. */
  readonly recipient?: string;
  /** E-mail addresses of administrators who get the alert besides the channel's recipients. */
  readonly alsoTo?: readonly string[];
}
