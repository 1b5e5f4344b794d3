import type { Db } from "../client.ts";
import { type Credit, type CreditResult, enterOnce } from "./enter-once.ts";

/** Corrects a balance, once per key and owner like `creditUser`. The amount is signed and may take the balance below zero. */
export function enterAdjustment(db: Db, adjustment: Credit & { readonly note: string }): Promise<CreditResult> {
  return enterOnce(db, adjustment, { kind: "adjustment", action: "user.adjust" });
}
