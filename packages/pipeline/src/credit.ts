import { type AuditContext, InputError, type KeyOwner } from "@cpa-payouts/core";
import { creditUser } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";
import { type LedgerOutcome, toLedgerOutcome } from "./ledger-outcome.ts";

export interface CreditInput extends AuditContext {
  readonly externalId: string;
  readonly amountCents: bigint;
  /** Names the conversion; the same key of an owner never credits twice. */
  readonly key: string;
  /** Whose key it is: others may use the same key for entries of their own. */
  readonly keyOwner: KeyOwner;
  readonly note?: string;
}

const MAX_KEY_LENGTH = 255;

const statuses = { credited: "credited", "already-credited": "already-credited" } as const;

/**
 * Adds a conversion's earnings, in cents, to a user's balance, once per key and owner.
 *
 * @returns the present balance in cents and the stored entry, with `already-credited` when the owner used the key before for the
 *   same user and amount and nothing was added; otherwise why nothing was credited
 * @throws InputError for an amount that is not above zero, or an empty or overlong key
 */
export async function credit(
  ctx: DataContext,
  input: CreditInput,
): Promise<LedgerOutcome<"credited" | "already-credited">> {
  const { amountCents, key } = input;
  if (amountCents <= 0n) throw new InputError("a credit must be more than 0");
  if (key.trim() === "" || key.length > MAX_KEY_LENGTH)
    throw new InputError(`a key has 1 to ${MAX_KEY_LENGTH} characters`);
  const result = await creditUser(ctx.db, { ...input, note: input.note ?? null, now: ctx.clock() });
  const outcome = await toLedgerOutcome(ctx, { noun: "credit", ...input }, result, statuses);
  if ("balanceCents" in outcome) ctx.log.info({ status: outcome.status }, "user.credited");
  return outcome;
}
