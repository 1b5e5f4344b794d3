import type { AuditContext } from "@cpa-payouts/core";
import { asc, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { apiTokens } from "../schema/index.ts";
import { arrayParam, instantParam, requestParams, rowsOf } from "../sql.ts";

export type ApiToken = typeof apiTokens.$inferSelect;

/**
 * Adds an API token.
 *
 * @returns whether this call created the token; false when there is one of that name, even a revoked or expired one
 */
export async function createApiToken(
  db: Db,
  input: AuditContext & { name: string; tokenHash: string; scopes: readonly string[]; expiresAt: Date; now: Date },
): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    with created as (
      insert into api_tokens (name, token_hash, scopes, created_at, created_by, expires_at)
      values (${input.name}, ${input.tokenHash}, ${arrayParam(input.scopes, "text")}, ${instantParam(input.now)}, ${input.actor},
        ${instantParam(input.expiresAt)})
      on conflict (name) do nothing
      returning name, scopes, expires_at
    ), audit as (
      insert into audit_log (at, actor, action, object, after, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'token.create', 'token:' || name,
        jsonb_build_object('scopes', scopes, 'expiresAt', expires_at), ${requestParams(input)}
      from created
    )
    select name from created`,
  );
  return rows.length > 0;
}

/** All tokens, revoked and expired ones included, oldest first. None is ever deleted, because the audit log names them. */
export async function listApiTokens(db: Db): Promise<ApiToken[]> {
  return db.select().from(apiTokens).orderBy(asc(apiTokens.id));
}

/**
 * Revokes a token.
 *
 * @returns whether this call revoked it; false when it is unknown or was revoked before
 */
export async function revokeApiToken(db: Db, input: AuditContext & { name: string; now: Date }): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    with revoked as (
      update api_tokens set revoked_at = ${instantParam(input.now)} where name = ${input.name} and revoked_at is null returning name
    ), audit as (
      insert into audit_log (at, actor, action, object, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'token.revoke', 'token:' || name, ${requestParams(input)} from revoked
    )
    select name from revoked`,
  );
  return rows.length > 0;
}

/** Minimum milliseconds between updates of `last_used_at`: a token used every second is written once a minute. */
const TOUCH_AFTER_MS = 60_000;

/** Finds the token with a hash and records its use; null if it is unknown, revoked or expired. */
export async function findApiToken(
  db: Db,
  tokenHash: string,
  now: Date,
): Promise<{ name: string; scopes: readonly string[] } | null> {
  const touchBefore = new Date(now.getTime() - TOUCH_AFTER_MS);
  const [row] = await rowsOf<{ name: string; scopes: string[] }>(
    db,
    sql`
    with live as (
      select id, name, scopes, last_used_at from api_tokens
      where token_hash = ${tokenHash} and revoked_at is null and expires_at > ${instantParam(now)}
    ), touched as (
      update api_tokens t set last_used_at = ${instantParam(now)}
      from live where t.id = live.id and coalesce(live.last_used_at, '-infinity') < ${instantParam(touchBefore)}
    )
    select name, scopes from live`,
  );
  return row ?? null;
}
