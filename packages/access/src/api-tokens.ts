import type { Scope } from "@cpa-payouts/contract";
import type { AuditContext } from "@cpa-payouts/core";
import { insertApiToken, markApiTokenRevoked, touchApiToken } from "@cpa-payouts/db";
import type { AccessContext } from "./context.ts";
import { hashToken, newApiToken } from "./tokens.ts";

const DAY_MS = 86_400_000;

/**
 * Creates an API token, which is stored only as a hash.
 *
 * @param input.days after how many days the token expires
 * @returns the token and when it expires; `name-taken` when there is a token of that name, even a revoked or expired one
 */
export async function createApiToken(
  ctx: AccessContext,
  { days, ...input }: AuditContext & { name: string; scopes: readonly Scope[]; days: number },
): Promise<{ status: "created"; token: string; expiresAt: Date } | { status: "name-taken" }> {
  const now = ctx.clock();
  const expiresAt = new Date(now.getTime() + days * DAY_MS);
  const token = newApiToken();
  const isCreated = await insertApiToken(ctx.db, { ...input, tokenHash: hashToken(token), expiresAt, now });
  return isCreated ? { status: "created", token, expiresAt } : { status: "name-taken" };
}

/** Finds a token and records its use; null if it is unknown, revoked or expired. */
export function findApiToken(
  { db, clock }: AccessContext,
  token: string,
): Promise<{ name: string; scopes: readonly string[] } | null> {
  return touchApiToken(db, hashToken(token), clock());
}

/**
 * Revokes an API token.
 *
 * @returns whether this call revoked it; false when it is unknown or was revoked before
 */
export function revokeApiToken({ db, clock }: AccessContext, input: AuditContext & { name: string }): Promise<boolean> {
  return markApiTokenRevoked(db, { ...input, now: clock() });
}
