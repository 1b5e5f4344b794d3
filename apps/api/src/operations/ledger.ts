import { formatCents } from "@cpa-payouts/core";
import { adjustBalance, type CreditResult, creditUser, findEntryByKey, type LedgerEntry } from "@cpa-payouts/db";
import type { Api } from "../api.ts";
import type { Handlers } from "../calls.ts";
import { conflict, notFound } from "../problems.ts";

export const ledgerHandlers: Handlers<"ledger"> = {
  createCredit: async (api, { headers, body, order }) => {
    const { amount: amountCents, note = null, externalId } = body;
    const sent = { kind: "credit", externalId, amountCents, key: headers["idempotency-key"], note } as const;
    return enter(api, sent, (now) => creditUser(api.ctx.db, { ...order, ...sent, now }));
  },

  createAdjustment: async (api, { headers, body, order }) => {
    const { amount: amountCents, reason: note, externalId } = body;
    const sent = { kind: "adjustment", externalId, amountCents, key: headers["idempotency-key"], note } as const;
    return enter(api, sent, (now) => adjustBalance(api.ctx.db, { ...order, ...sent, now }));
  },
};

type Sent = Pick<LedgerEntry, "kind" | "externalId" | "amountCents" | "note"> & { readonly key: string };

async function enter(api: Api, sent: Sent, enterInDb: (now: Date) => Promise<CreditResult>) {
  const { status } = await enterInDb(api.ctx.clock());
  if (status === "unknown-user") throw notFound(`user ${sent.externalId}`);
  return entryOf(api, sent);
}

/**
 * The entry that is stored under a key. It is the answer each time the same request is sent.
 *
 * @throws ApiProblem 409 when the key was used for another request
 */
async function entryOf({ ctx }: Api, sent: Sent) {
  const entry = await findEntryByKey(ctx.db, sent.key);
  if (!entry) throw new Error("the ledger entry that was just written is missing");
  const isSame =
    entry.kind === sent.kind &&
    entry.externalId === sent.externalId &&
    entry.amountCents === sent.amountCents &&
    entry.note === sent.note;
  if (!isSame)
    throw conflict("this Idempotency-Key was used for another request; nothing was done", presentEntry(entry));
  return presentEntry(entry);
}

/** A ledger entry as the API answers it: the amount in dollars, the instant in ISO 8601. */
export function presentEntry({ amountCents, createdAt, ...entry }: LedgerEntry) {
  return { ...entry, amount: formatCents(amountCents), createdAt: createdAt.toISOString() };
}
