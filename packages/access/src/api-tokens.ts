import type { Scope } from "@cpa-payouts/contract";
import type { AuditContext } from "@cpa-payouts/core";
import { insertApiToken, type LiveToken, markApiTokenRevoked, touchApiToken } from "@cpa-payouts/db";
import type { AccessContext } from "./context.ts";
import { hashToken, newApiToken } from "./tokens.ts";

const DAY_MS = 86_400_000;

/**
 * Creates an API token, which is stored only as a hash.
 *
 * @param input.creatorId the administrator who creates it: the token ends when they are disabled, and never may more than they
 * @param input.days after how many days the token expires
 * @returns the token and when it expires; `name-taken` when there is a token of that name, even a revoked or expired one
 */
export async function createApiToken(
  ctx: AccessContext,
  { days, ...input }: AuditContext & { name: string; scopes: readonly Scope[]; creatorId: number; days: number },
): Promise<{ status: "created"; token: string; expiresAt: Date } | { status: "name-taken" }> {
  const now = ctx.clock();
  const expiresAt = new Date(now.getTime() + days * DAY_MS);
  const token = newApiToken();
  const isCreated = await insertApiToken(ctx.db, { ...input, tokenHash: hashToken(token), expiresAt, now });
  if (!isCreated) return { status: "name-taken" };
  ctx.log.info({ requestId: input.requestId }, "token.created");
  return { status: "created", token, expiresAt };
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
