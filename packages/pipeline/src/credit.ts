import { InputError, type Order } from "@cpa-payouts/core";
import { creditUser } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

export interface CreditInput extends Order {
  readonly externalId: string;
  readonly amountCents: bigint;
  /** Names the conversion; the same key never credits twice. */
  readonly key: string;
  readonly note?: string;
}

const MAX_KEY_LENGTH = 255;

/**
 * Adds a conversion's earnings, in cents, to a user's balance, once per key.
 *
 * @returns the present balance in cents, and `already-credited` when the key was used before and nothing was added
 * @throws InputError for an unknown user, an amount that is not above zero, an empty or overlong key, or a key that was
 *   used for another user or amount
 */
export async function credit(
  ctx: DataContext,
  input: CreditInput,
): Promise<{ status: "credited" | "already-credited"; balanceCents: bigint }> {
  const { externalId, amountCents, key } = input;
  if (amountCents <= 0n) throw new InputError("a credit must be more than 0");
  if (key.trim() === "" || key.length > MAX_KEY_LENGTH)
    throw new InputError(`a key has 1 to ${MAX_KEY_LENGTH} characters`);
  const note = input.note ?? null;
  const result = await creditUser(ctx.db, { ...input, note, now: ctx.clock() });
  if (result.status === "unknown-user") throw new InputError(`there is no user ${externalId}`);
  if (result.status === "key-conflict")
    throw new InputError(`the key "${key}" was used for another user or amount; nothing was credited`);
  ctx.log.info({ status: result.status }, "user.credited");
  return result;
}
