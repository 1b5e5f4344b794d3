import { createApiToken, type ReplacementRefusal, revokeApiToken } from "@cpa-payouts/access";
import type { Scope } from "@cpa-payouts/contract";
import { listApiTokens } from "@cpa-payouts/db";
import { type Handlers, personOf } from "../calls.ts";
import { ApiProblem, conflict, notFound } from "../problems.ts";

export const tokenHandlers: Handlers<"tokens"> = {
  listTokens: async ({ ctx }) => {
    const tokens = await listApiTokens(ctx.db);
    const names = new Map(tokens.map(({ id, name }) => [id, name]));
    return {
      items: tokens.map(({ name, scopes, createdAt, createdBy, replacesId, expiresAt, lastUsedAt, revokedAt }) => ({
        name,
        // createToken, which writes them, accepts only known scopes.
        scopes: scopes as Scope[],
        createdAt: createdAt.toISOString(),
        createdBy,
        replaces: replacesId === null ? null : (names.get(replacesId) ?? null),
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
    if (created.status !== "created") throw refusalOfReplacement(created);
    return { name, token: created.token, expiresAt: created.expiresAt.toISOString() };
  },

  revokeToken: async ({ access }, call) => {
    const { name } = call.params;
    if (!(await revokeApiToken(access, { ...call.audit, name }))) throw notFound(`live token ${name}`);
    return undefined;
  },
};

function refusalOfReplacement(refusal: ReplacementRefusal): ApiProblem {
  const { replaces } = refusal;
  if (refusal.status === "unknown-replaced") return notFound(`token ${replaces}, which this one is to replace`);
  const excess = refusal.scopes.join(", ");
  const message = `the token ${replaces} lacks the scope ${excess}, so a token that replaces it cannot have it either`;
  return new ApiProblem(403, "forbidden", message);
}
