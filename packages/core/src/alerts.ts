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
 * The ranks of the events. A change that waits is made after a day unless an administrator stops it. The day begins with the
 * alert, so this alert is sent before all others: many changes of access, or many sign-ins, cannot hide it. Alerts of new access
 * and relaxed rules are sent before those of ticks, runs and sign-ins.
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

/** What the keys of an event's alerts begin with, where each alert is about one row: the row's id follows. */
export function alertKeyPrefix(event: AlertEvent): string {
  return `${event}:`;
}

/** The key of the alert of an event that is about the row with an id. */
export function alertKey(event: AlertEvent, id: number): string {
  return `${alertKeyPrefix(event)}${id}`;
}

/** The id of the row that the alert with a key of {@link alertKey} is about. */
export function idInAlertKey(event: AlertEvent, key: string): number {
  return Number(key.slice(alertKeyPrefix(event).length));
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
