import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { arrayParam, execute, instantParam, requestParams } from "../sql.ts";

/**
 * Adds an API token.
 *
 * @param input.replacesId the token that it replaces: both use the same idempotency keys from then on
 * @param input.creatorId the administrator who creates it, whose present rights bound the token's; null or left out when none does
 * @returns whether this call created the token; false when there is one of that name, even a revoked or expired one
 */
export async function insertApiToken(
  db: Db,
  input: AuditContext & {
    name: string;
    tokenHash: string;
    scopes: readonly string[];
    creatorId?: number | null;
    replacesId?: number | null;
    expiresAt: Date;
    now: Date;
  },
): Promise<boolean> {
  const returned = await execute(
    db,
    sql`
    with replaced as (
      select id, name, coalesce(key_owner_id, id) as key_owner_id from api_tokens where id = ${input.replacesId ?? null}::bigint
    ), created as (
      insert into api_tokens (name, token_hash, scopes, created_at, created_by, creator_id, expires_at, replaces_id, key_owner_id)
      values (${input.name}, ${input.tokenHash}, ${arrayParam(input.scopes, "text")}, ${instantParam(input.now)}, ${input.actor},
        ${input.creatorId ?? null}::bigint, ${instantParam(input.expiresAt)}, (select id from replaced), (select key_owner_id from replaced))
      on conflict (name) do nothing
      returning name, scopes, expires_at
    ), audit as (
      insert into audit_log (at, actor, action, object, after, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'token.create', 'token:' || name,
        jsonb_strip_nulls(
          jsonb_build_object('scopes', scopes, 'expiresAt', expires_at, 'replaces', (select name from replaced))
        ), ${requestParams(input)}
      from created
    )
    select name from created`,
  );
  return returned > 0;
}
