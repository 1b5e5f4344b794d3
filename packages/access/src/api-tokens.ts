import type { Scope } from "@cpa-payouts/contract";
import type { AuditContext } from "@cpa-payouts/core";
import {
  findApiTokenByName,
  insertApiToken,
  type LiveToken,
  markApiTokenRevoked,
  touchApiToken,
} from "@cpa-payouts/db";
import type { AccessContext } from "./context.ts";
import { hashToken, newApiToken } from "./tokens.ts";

const DAY_MS = 86_400_000;

/** The scopes of the operations that take an idempotency key. */
const ledgerScopes: readonly Scope[] = ["credits:write", "adjustments:write"];

/** Why a token may not replace another one. */
export type ReplacementRefusal =
  | { readonly status: "unknown-replaced"; readonly replaces: string }
  /** The new token has ledger scopes, `scopes`, that the replaced one does not have. */
  | { readonly status: "exceeds-replaced"; readonly replaces: string; readonly scopes: readonly Scope[] };

export type CreatedToken =
  | { readonly status: "created"; readonly token: string; readonly expiresAt: Date }
  | { readonly status: "name-taken" }
  | ReplacementRefusal;

/**
 * Creates an API token, which is stored only as a hash.
 *
 * @param input.creatorId the administrator who creates it: the token ends when they are disabled, and never may more than they
 * @param input.replaces the name of the token that it replaces, which may have ended. Both use the same idempotency keys, so a
 *   conversion that was sent with the one and is sent again with the other is credited once. It may not have ledger scopes
 *   that the replaced token does not have
 * @param input.days after how many days the token expires
 * @returns the token and when it expires; `name-taken` when there is a token of that name, even a revoked or expired one
 */
export async function createApiToken(
  ctx: AccessContext,
  {
    days,
    replaces,
    ...input
  }: AuditContext & {
    name: string;
    scopes: readonly Scope[];
    creatorId: number;
    replaces?: string | null;
    days: number;
  },
): Promise<CreatedToken> {
  const replaced = await findReplaced(ctx, { replaces, scopes: input.scopes });
  if (replaced.status !== "found") return replaced;
  const now = ctx.clock();
  const expiresAt = new Date(now.getTime() + days * DAY_MS);
  const token = newApiToken();
  const isCreated = await insertApiToken(ctx.db, {
    ...input,
    replacesId: replaced.id,
    tokenHash: hashToken(token),
    expiresAt,
    now,
  });
  if (!isCreated) return { status: "name-taken" };
  ctx.log.info({ requestId: input.requestId }, "token.created");
  return { status: "created", token, expiresAt };
}

/** The id of the token that a new one replaces; null when it replaces none. A token's name and scopes never change. */
async function findReplaced(
  { db }: Pick<AccessContext, "db">,
  { replaces, scopes }: { replaces: string | null | undefined; scopes: readonly Scope[] },
): Promise<{ status: "found"; id: number | null } | ReplacementRefusal> {
  if (replaces === null || replaces === undefined) return { status: "found", id: null };
  const replaced = await findApiTokenByName(db, replaces);
  if (!replaced) return { status: "unknown-replaced", replaces };
  const exceeding = scopes.filter((scope) => ledgerScopes.includes(scope) && !replaced.scopes.includes(scope));
  if (exceeding.length > 0) return { status: "exceeds-replaced", replaces, scopes: exceeding };
  return { status: "found", id: replaced.id };
}

/** Finds a token and records its use; null if it is unknown, revoked or expired. */
export function findApiToken({ db, clock }: AccessContext, token: string): Promise<LiveToken | null> {
  return touchApiToken(db, hashToken(token), clock());
}

/**
 * Revokes an API token.
 *
 * @returns whether this call revoked it; false when it is unknown or was revoked before
 */
export async function revokeApiToken(
  { db, clock, log }: AccessContext,
  input: AuditContext & { name: string },
): Promise<boolean> {
  const isRevoked = await markApiTokenRevoked(db, { ...input, now: clock() });
  if (isRevoked) log.info({ requestId: input.requestId }, "token.revoked");
  return isRevoked;
}
