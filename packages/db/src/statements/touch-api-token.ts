import { adminRoles } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { arrayOf, flag, id, nullable, oneOf, type Row, text } from "../decoders.ts";
import { instantParam, rowsOf } from "../sql.ts";

/** Minimum milliseconds between updates of `last_used_at`: a token used every second is written once a minute. */
const TOUCH_AFTER_MS = 60_000;

const columns = {
  name: text,
  scopes: arrayOf(text),
  keyOwnerId: id,
  creatorRole: nullable(oneOf(adminRoles)),
  isCreatorDisabled: flag,
};

/**
 * `keyOwnerId` is the id of the token that owns the idempotency keys: the first of those that replaced each other. `creatorRole` is the present role of the administrator who created the token; null when none did.
 */
export type LiveToken = Row<typeof columns>;

/** Finds the token with a hash and records its use; null if it is unknown, revoked or expired. */
export async function touchApiToken(db: Db, tokenHash: string, now: Date): Promise<LiveToken | null> {
  const touchBefore = new Date(now.getTime() - TOUCH_AFTER_MS);
  const [row] = await rowsOf(
    db,
    columns,
    sql`
    with live as (
      select t.id, t.name, t.scopes, coalesce(t.key_owner_id, t.id) as key_owner_id, t.last_used_at, a.role as creator_role, a.disabled_at is not null as is_creator_disabled
      from api_tokens t left join admins a on a.id = t.creator_id
      where t.token_hash = ${tokenHash} and t.revoked_at is null and t.expires_at > ${instantParam(now)}
    ), touched as (
      update api_tokens t set last_used_at = ${instantParam(now)}
      from live where t.id = live.id and coalesce(live.last_used_at, '-infinity') < ${instantParam(touchBefore)}
    )
    select name, scopes, key_owner_id, creator_role, is_creator_disabled from live`,
  );
  return row ?? null;
}
