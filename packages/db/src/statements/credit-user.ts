import type { Db } from "../client.ts";
import { type Credit, type CreditResult, enterOnce } from "./enter-once.ts";

/**
 * Adds a conversion's earnings to a balance, once per key and owner.
 *
 * @returns for a key that the owner used before: `already-credited` if user and amount are the same, else `key-conflict`
 */
export function creditUser(db: Db, credit: Credit): Promise<CreditResult> {
  return enterOnce(db, credit, { kind: "credit", action: "user.credit" });
}
