import { z } from "zod";
import { instant, line } from "./fields.ts";
import { operation, scopes } from "./operation.ts";

const MAX_DAYS = 366;
const afresh = { role: "admin", scope: null, isSensitive: true } as const;

/** The audit log and alerts name tokens, so two names that look alike must be the same. */
const tokenName = line(100).regex(
  /^[^\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]*$/u,
  "write a name without invisible characters",
);

const token = z
  .object({
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    createdAt: instant,
    createdBy: z.string(),
    /** The name of the token that it replaces, if any: both use the same idempotency keys. */
    replaces: z.string().nullable(),
    expiresAt: instant,
    lastUsedAt: instant.nullable(),
    revokedAt: instant.nullable(),
  })
  .meta({ id: "ApiToken" });

/** The tokens with which programs call the API: `Authorization: Bearer ...`. */
export const tokenOperations = {
  listTokens: operation({
    method: "GET",
    path: "/api/v1/tokens",
    summary: "All tokens, including expired and revoked ones",
    access: { role: "admin", scope: null },
    response: z.object({ items: z.array(token) }),
  }),
  createToken: operation({
    method: "POST",
    path: "/api/v1/tokens",
    summary: "Create a token; the response shows it once",
    access: afresh,
    body: z.strictObject({
      name: tokenName,
      scopes: z.array(z.enum(scopes)).min(1),
      replaces: line(100)
        .nullable()
        .default(null)
        .meta({ description: "The name of the token that this one replaces: both use the same idempotency keys." }),
      days: z.int().min(1).max(MAX_DAYS).default(90),
    }),
    response: z.object({ name: z.string(), token: z.string(), expiresAt: instant }),
  }),
  revokeToken: operation({
    method: "DELETE",
    path: "/api/v1/tokens/:name",
    summary: "Revoke a token, with immediate effect",
    access: afresh,
    params: z.object({ name: z.string().max(100) }),
    response: null,
  }),
};
