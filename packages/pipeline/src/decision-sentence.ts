import { dollars, explainSkip } from "@cpa-payouts/core";
import type { StoredDecision } from "@cpa-payouts/db";

/** A stored decision as sentences for a person: the outcome, its reason and the balance at the decision, in dollars. */
export function decisionSentence(externalId: string, decision: StoredDecision): string {
  const { paymentDate, outcome, reason, balanceCents, minimumBalanceCents, error } = decision;
  const balance = dollars(balanceCents);
  const about = `${externalId} on ${paymentDate}`;
  switch (outcome) {
    case "invoiced":
      return `${about}: invoiced by ${decision.invoiceNumber} for ${dollars(decision.invoiceAmountCents ?? 0n)}; the invoice is ${decision.invoiceStatus}. The balance was ${balance}.`;
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
