import type { Scope } from "@cpa-payouts/contract";
import { createApiToken, listApiTokens, revokeApiToken } from "@cpa-payouts/db";
import { hashToken, newApiToken } from "../access/callers.ts";
import type { Handlers } from "../calls.ts";
import { conflict, notFound } from "../problems.ts";

const DAY_MS = 86_400_000;

export const tokenHandlers: Handlers<"tokens"> = {
  listTokens: async ({ ctx }) => {
    const tokens = await listApiTokens(ctx.db);
    return {
      items: tokens.map(({ name, scopes, createdAt, createdBy, expiresAt, lastUsedAt, revokedAt }) => ({
        name,
        // createToken, which writes them, accepts only known scopes.
        scopes: scopes as Scope[],
        createdAt: createdAt.toISOString(),
        createdBy,
        expiresAt: expiresAt.toISOString(),
        lastUsedAt: lastUsedAt?.toISOString() ?? null,
        revokedAt: revokedAt?.toISOString() ?? null,
      })),
    };
  },

  createToken: async ({ ctx }, call) => {
    const { name, scopes, days } = call.body;
    const now = ctx.clock();
    const expiresAt = new Date(now.getTime() + days * DAY_MS);
    const token = newApiToken();
    const tokenHash = hashToken(token);
    if (!(await createApiToken(ctx.db, { ...call.order, name, tokenHash, scopes, expiresAt, now })))
      throw conflict(`there is, or was, a token named ${name}; take another name`, { name });
    return { name, token, expiresAt: expiresAt.toISOString() };
  },

  revokeToken: async ({ ctx }, call) => {
    const { name } = call.params;
    if (!(await revokeApiToken(ctx.db, { ...call.order, name, now: ctx.clock() })))
      throw notFound(`live token ${name}`);
    return undefined;
  },
};
