/**
 * The flow, a file per step:
 *
 * tick -> open-run -> decide -> fan-out -> create-invoice -> close-run; resume-run queues the lost jobs of every step.
 *
 * Alerts: raise-alerts -> send-alert (compose-alert).
 *
 * Operations: import-users, credit, summary (preview), follow-run, retry, cancel-run, review, explain, expect-payment,
 * verify, readiness.
 */
export type { BatchPace } from "./batcher.ts";
export * from "./cancel-run.ts";
export * from "./close-run.ts";
export * from "./compose-alert.ts";
export * from "./context.ts";
export * from "./create-invoice.ts";
export * from "./credit.ts";
export * from "./decide.ts";
export * from "./expect-payment.ts";
export * from "./explain.ts";
export * from "./fan-out.ts";
export * from "./follow-run.ts";
export * from "./import-users.ts";
export type { InvoiceBatch, OnInvoiceBatch } from "./meter.ts";
export * from "./open-run.ts";
export * from "./raise-alerts.ts";
export * from "./readiness.ts";
export * from "./resume-run.ts";
export * from "./retry.ts";
export * from "./review.ts";
export * from "./send-alert.ts";
export * from "./summary.ts";
export * from "./tick.ts";
export * from "./verify.ts";
export * from "./with-timeout.ts";
