/**
 * The glossary: one word per thing, here, in SQL, on the command line and in the logs.
 *
 * - user: someone the network owes (an affiliate). balance: what is owed now, in US cents.
 * - ledger entry: an append-only change of a balance; the balance is the sum of its ledger entries.
 * - payment method: the user's Binance e-mail.
 * - payment date: a local date on which users are paid; `first-monday` (all users) or `mid-month` (returning users).
 * - first-time user: one without any previous invoice, here or in the system they were imported from.
 * - tick: the scheduler's job; it looks for payment dates that are due.
 * - payment run: the work for one payment date; one row, ever.
 * - decision: what the run decided for one user: `pay`, or `skip` with a reason.
 * - administrator (admin): a person who signs in to the admin API, as `viewer`, `operator` or `admin`.
 * - alert: a notification about an event, raised once. channel: how it is sent (webhook, e-mail). delivery: one alert
 *   through one channel.
 * - invoice: the amount a user is to be paid for a payment date. destination: the Binance e-mail that it is sent to.
 *   review: the administrator's decision on it.
 */
export * from "./alerts.ts";
export * from "./audit-context.ts";
export * from "./clock.ts";
export * from "./defined.ts";
export * from "./errors.ts";
export * from "./hosts.ts";
export * from "./ics.ts";
export * from "./log.ts";
export * from "./money.ts";
export * from "./payment-calendar.ts";
export * from "./policy.ts";
export * from "./schedule.ts";
export * from "./setup.ts";
export * from "./states.ts";
export * from "./whole-number.ts";
