/**
 * The flow, a file per step:
 *
 * tick (separate-steps) -> start-run -> decide -> fan-out -> create-invoice -> close-run; resume-run queues the lost jobs of every step.
 *
 * The tick also makes changes that waited for a second person (end-guarded-changes).
 *
 * Alerts: raise-alerts (access-alerts, sign-in-alerts) -> send-alert (compose-alert); retry-alerts.
 *
 * Operations: import-users (read-import-file), credit, adjust-balance, set-user-status, change-settings, summary (preview),
 * read-runnable-date, follow-run, resume-by-hand, retry-run, cancel-run, review, decision-sentence, expect-payment,
 * record-action, record-export, verify, repair-tallies, readiness.
 */
export * from "./adjust-balance.ts";
export type { BatchPace } from "./batcher.ts";
export * from "./cancel-run.ts";
export * from "./change-settings.ts";
export * from "./close-run.ts";
export * from "./compose-alert.ts";
export * from "./context.ts";
export * from "./create-invoice.ts";
export * from "./credit.ts";
export * from "./decide.ts";
export * from "./decision-sentence.ts";
export * from "./expect-payment.ts";
export * from "./fan-out.ts";
export * from "./follow-run.ts";
export * from "./follow-schedule.ts";
export * from "./import-users.ts";
export type { LedgerOutcome } from "./ledger-outcome.ts";
export type { InvoiceBatch, OnInvoiceBatch } from "./meter.ts";
export * from "./raise-alerts.ts";
export * from "./read-runnable-date.ts";
export * from "./readiness.ts";
export * from "./record-action.ts";
export * from "./record-export.ts";
export * from "./repair-tallies.ts";
export * from "./resume-by-hand.ts";
export * from "./resume-run.ts";
export * from "./retry-alerts.ts";
export * from "./retry-run.ts";
export * from "./review.ts";
export * from "./send-alert.ts";
export * from "./separate-steps.ts";
export * from "./set-user-status.ts";
export * from "./start-run.ts";
export * from "./summary.ts";
export * from "./tick.ts";
export * from "./verify.ts";
export * from "./with-timeout.ts";
