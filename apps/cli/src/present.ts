import { explainSkip, formatCents, type PaymentKind, skipReasons } from "@cpa-payouts/core";
import type { StoredDecision } from "@cpa-payouts/db";
import type { NotAPaymentDate, RunSummary } from "@cpa-payouts/pipeline";

/** `123456n` as `$1,234.56`, for people; programs get {@link formatCents}. */
export function dollars(cents: bigint): string {
  const [whole = "0", decimals = "00"] = formatCents(cents < 0n ? -cents : cents).split(".");
  return `${cents < 0n ? "-" : ""}$${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${decimals}`;
}

export function describeKind(kind: PaymentKind): string {
  return kind === "first-monday" ? "first Monday: all users" : "mid-month: returning users";
}

/** A run for people. */
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

export function notAPaymentDateLine({ paymentDate, next }: NotAPaymentDate): string {
  return `${paymentDate} is not a payment date; the next one is ${next}`;
}

/** The stored decision in words. */
export function decisionSentence(externalId: string, decision: StoredDecision): string {
  const { paymentDate, outcome, reason, balanceCents, minimumBalanceCents, error } = decision;
  const balance = dollars(balanceCents);
  const about = `${externalId} on ${paymentDate}`;
  switch (outcome) {
    case "invoiced":
      return `${about}: paid by invoice ${decision.invoiceNumber} over ${dollars(decision.invoiceAmountCents ?? 0n)}, which is ${decision.invoiceStatus}. The balance was ${balance}.`;
    case "skipped": {
      const why = reason
        ? explainSkip(reason, `the minimum of ${dollars(minimumBalanceCents)}`)
        : "no reason was stored";
      const when = decision.decision === "pay" ? "when the invoice was to be created" : "when the run decided";
      return `${about}: not paid, because ${when} ${why}. The balance was ${balance}.`;
    }
    case "failed":
      return `${about}: not paid yet, because creating the invoice failed: ${error}. The balance of ${balance} is untouched; "payouts retry --date ${paymentDate}" tries again.`;
    case "open":
      return `${about}: will be paid ${balance}; the invoice is still to be created.`;
  }
}
