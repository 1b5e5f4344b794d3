import { describeKind, dollars, skipReasons } from "@cpa-payouts/core";
import type { NotAPaymentDate, RunSummary } from "@cpa-payouts/pipeline";

/** The summary of a run, or of a preview, as lines for people. */
export function summaryLines(summary: RunSummary): string[] {
  const { paymentDate, kind, state, considered, invoiced, failed, skipped, totalCents } = summary;
  const reasons = skipReasons
    .filter((reason) => (skipped[reason] ?? 0) > 0)
    .map((reason) => `${reason} ${skipped[reason]}`);
  const skippedTotal = skipReasons.reduce((sum, reason) => sum + (skipped[reason] ?? 0), 0);
  const isPreview = state === "preview";
  return [
    `Payment date   ${paymentDate} (${describeKind(kind)})`,
    `State          ${isPreview ? "preview, nothing was written" : state}`,
    `Considered     ${considered}`,
    `${isPreview ? "Would invoice  " : "Invoiced       "}${invoiced} for ${dollars(totalCents)}`,
    `Skipped        ${skippedTotal}${reasons.length > 0 ? ` (${reasons.join(", ")})` : ""}`,
    `Failed         ${failed}`,
  ];
}

/** The line for a day that is not a payment date. */
export function notAPaymentDateLine({ paymentDate, next }: NotAPaymentDate): string {
  return `${paymentDate} is not a payment date; the next one is ${next}`;
}
