import { defined, formatCents } from "@cpa-payouts/core";
import type { LedgerEntry } from "@cpa-payouts/db";
import { adjustBalance, credit, type LedgerOutcome } from "@cpa-payouts/pipeline";
import { type Caller, keyOwnerOf } from "../access/callers.ts";
import type { Handlers } from "../calls.ts";
import { ApiProblem, conflict, notFound } from "../problems.ts";

export const ledgerHandlers: Handlers<"ledger"> = {
  createCredit: async ({ ctx }, call) => {
    const { amount: amountCents, note, externalId } = call.body;
    const sent = defined({ externalId, amountCents, note });
    return responseOf(await credit(ctx, { ...call.audit, ...sent, ...keyOf(call) }), {
      externalId,
      note: note ?? null,
    });
  },

  createAdjustment: async ({ ctx }, call) => {
    const { amount: amountCents, reason, externalId } = call.body;
    const sent = { externalId, amountCents, reason };
    return responseOf(await adjustBalance(ctx, { ...call.audit, ...sent, ...keyOf(call) }), {
      externalId,
      note: reason,
    });
  },
};

function keyOf({ headers, caller }: { headers: { "idempotency-key": string }; caller: Caller | null }) {
  return { key: headers["idempotency-key"], keyOwner: keyOwnerOf(caller) };
}

type Credited = LedgerOutcome<"credited" | "already-credited">;
type Adjusted = LedgerOutcome<"adjusted" | "already-adjusted">;

/**
 * The entry that is stored under a key of the caller's. It is the response each time the same request is sent. Here the note is a part of
 * the request, as with every Idempotency-Key; for the pipeline the same entry with another note is the same
 * ({@link LedgerOutcome}).
 *
 * @throws ApiProblem 404 for an unknown user, 409 when the key was used for another request, 422 for an amount above a limit
 *   of the settings
 */
function responseOf(outcome: Credited | Adjusted, sent: { externalId: string; note: string | null }) {
  if (outcome.status === "unknown-user") throw notFound(`user ${sent.externalId}`);
  if (outcome.status === "above-limit") throw new ApiProblem(422, "above-limit", outcome.message);
  if (outcome.status === "key-reserved")
    throw new ApiProblem(
      409,
      "conflict",
      "another caller used this Idempotency-Key in an older version; nothing was done, use another key",
    );
  const { status, entry } = outcome;
  if (status === "key-conflict" || entry.note !== sent.note)
    throw conflict("this Idempotency-Key was used for another request; nothing was done", presentEntry(entry));
  return presentEntry(entry);
}

/** A ledger entry in a response of the API: the amount in dollars, the instant in ISO 8601. */
export function presentEntry({ amountCents, createdAt, ...entry }: LedgerEntry) {
  return { ...entry, amount: formatCents(amountCents), createdAt: createdAt.toISOString() };
}
