import { createApiToken, revokeApiToken } from "@cpa-payouts/access";
import type { Scope } from "@cpa-payouts/contract";
import { listApiTokens } from "@cpa-payouts/db";
import { type Handlers, personOf } from "../calls.ts";
import { conflict, notFound } from "../problems.ts";

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

  createToken: async ({ access }, call) => {
    const { name } = call.body;
    const created = await createApiToken(access, {
      ...call.audit,
      ...call.body,
      creatorId: personOf(call).session.adminId,
    });
    if (created.status === "name-taken")
      throw conflict(`there is, or was, a token named ${name}; take another name`, { name });
    return { name, token: created.token, expiresAt: created.expiresAt.toISOString() };
  },

  revokeToken: async ({ access }, call) => {
    const { name } = call.params;
    if (!(await revokeApiToken(access, { ...call.audit, name }))) throw notFound(`live token ${name}`);
    return undefined;
  },
};
