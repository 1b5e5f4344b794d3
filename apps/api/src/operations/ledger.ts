import { formatCents } from "@cpa-payouts/core";
import { adjustBalance, creditUser, findEntryByKey, type LedgerEntry } from "@cpa-payouts/db";
import type { Api } from "../api.ts";
import type { Handlers } from "../calls.ts";
import { conflict, notFound } from "../problems.ts";

export const ledgerHandlers: Handlers<"ledger"> = {
  createCredit: async (api, { headers, body, order }) => {
    const { externalId, amount: amountCents, note = null } = body;
    const key = headers["idempotency-key"];
    const credit = { ...order, externalId, amountCents, key, note, now: api.ctx.clock() };
    const { status } = await creditUser(api.ctx.db, credit);
    if (status === "unknown-user") throw notFound(`user ${externalId}`);
    return entryOf(api, { kind: "credit", externalId, amountCents, key, note });
  },

  createAdjustment: async (api, { headers, body, order }) => {
    const { externalId, amount: amountCents, reason: note } = body;
    const key = headers["idempotency-key"];
    const adjustment = { ...order, externalId, amountCents, key, note, now: api.ctx.clock() };
    const { status } = await adjustBalance(api.ctx.db, adjustment);
    if (status === "unknown-user") throw notFound(`user ${externalId}`);
    return entryOf(api, { kind: "adjustment", externalId, amountCents, key, note });
  },
};

/**
 * The entry that stands under a key, which is the answer however often the same is sent.
 *
 * @throws ApiProblem 409 when the key was used for something else
 */
async function entryOf(
  { ctx }: Api,
  sent: Pick<LedgerEntry, "kind" | "externalId" | "amountCents" | "note"> & { key: string },
) {
  const entry = await findEntryByKey(ctx.db, sent.key);
  if (!entry) throw new Error("an entry that was just made is not there");
  const isSame =
    entry.kind === sent.kind &&
    entry.externalId === sent.externalId &&
    entry.amountCents === sent.amountCents &&
    entry.note === sent.note;
  if (!isSame)
    throw conflict("this Idempotency-Key was used for something else; nothing was done", presentEntry(entry));
  return presentEntry(entry);
}

export function presentEntry({ amountCents, createdAt, ...entry }: LedgerEntry) {
  return { ...entry, amount: formatCents(amountCents), createdAt: createdAt.toISOString() };
}
