import { dollars, type KeyOwner } from "@cpa-payouts/core";
import { type CreditResult, findEntryByKey, type LedgerEntry } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

/**
 * The result of adding a ledger entry once per key. `Made` has two statuses: one for an entry that this call added, one for
 * the same entry when an earlier call had added it.
 *
 * Two entries are the same if kind, user and amount are. The note is not compared: it is a remark, and a program that
 * sends a conversion again may phrase it differently. The result has the stored entry with the note that counts, so a
 * caller whose contract is stricter, such as the API, compares the note itself.
 */
export type LedgerOutcome<Made extends string> =
  | { readonly status: Made; readonly balanceCents: bigint; readonly entry: LedgerEntry }
  /** The owner used the key before, for another user, amount or kind: for `entry`. Nothing was changed. */
  | { readonly status: "key-conflict"; readonly entry: LedgerEntry }
  /** Another caller used the key while keys were common to all, in an older version. Nothing was changed. */
  | { readonly status: "key-reserved" }
  | { readonly status: "unknown-user" }
  /** The amount is above a limit of the settings, or the balance would be. Nothing was changed. */
  | { readonly status: "above-limit"; readonly message: string };

/** What is to be entered, for messages. */
interface Entry {
  readonly noun: "credit" | "adjustment";
  readonly externalId: string;
  readonly amountCents: bigint;
  readonly key: string;
  readonly keyOwner: KeyOwner;
}

/**
 * Adds the stored entry to the result of a statement that makes an entry once per key.
 *
 * @param names the names of the two results in which the entry was made
 */
export async function toLedgerOutcome<Made extends string>(
  { db }: Pick<DataContext, "db">,
  entered: Entry,
  result: CreditResult,
  names: Readonly<Record<"credited" | "already-credited", Made>>,
): Promise<LedgerOutcome<Made>> {
  if (result.status === "unknown-user" || result.status === "key-reserved") return result;
  if (result.status === "above-limit") return { status: result.status, message: describeRefusal(entered, result) };
  const entry = await findEntryByKey(db, entered);
  if (!entry) throw new Error("the ledger entry that was just written is missing");
  if (result.status === "key-conflict") return { status: result.status, entry };
  return { status: names[result.status], balanceCents: result.balanceCents, entry };
}

function describeRefusal(
  { noun, externalId, amountCents }: Entry,
  { limit, limitCents, balanceCents }: Extract<CreditResult, { status: "above-limit" }>,
): string {
  const what = `${noun} of ${dollars(amountCents)} to user ${externalId}`;
  const whoMayChange = "an administrator may change the setting";
  if (limit === "largest-entry") return `${what} exceeds the largest entry, ${dollars(limitCents)}; ${whoMayChange}`;
  const after = dollars(balanceCents + amountCents);
  return `${what} would make the balance ${after}, which exceeds the largest balance, ${dollars(limitCents)}; ${whoMayChange}`;
}
