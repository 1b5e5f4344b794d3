import type { AuditContext, KeyOwner } from "@cpa-payouts/core";
import { enterAdjustment } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";
import { type LedgerOutcome, toLedgerOutcome } from "./ledger-outcome.ts";

export interface AdjustmentInput extends AuditContext {
  readonly externalId: string;
  /** Signed; the adjustment may take the balance below zero. */
  readonly amountCents: bigint;
  /** Names the adjustment; the same key of an owner never adjusts twice. */
  readonly key: string;
  /** Whose key it is: others may use the same key for entries of their own. */
  readonly keyOwner: KeyOwner;
  /** Stored as the note of the entry. */
  readonly reason: string;
}

const statuses = { credited: "adjusted", "already-credited": "already-adjusted" } as const;

/**
 * Corrects a user's balance by an amount in cents, once per key and owner.
 *
 * @returns the present balance in cents and the stored entry, with `already-adjusted` when the owner used the key before for the
 *   same user and amount and nothing was changed; otherwise why nothing was adjusted
 */
export async function adjustBalance(
  ctx: DataContext,
  { reason, ...input }: AdjustmentInput,
): Promise<LedgerOutcome<"adjusted" | "already-adjusted">> {
  const result = await enterAdjustment(ctx.db, { ...input, note: reason, now: ctx.clock() });
  const outcome = await toLedgerOutcome(ctx, { noun: "adjustment", ...input }, result, statuses);
  if (outcome.status === "adjusted") ctx.log.info({ entryId: outcome.entry.id }, "balance.adjusted");
  return outcome;
}
