import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { arrayOf, text } from "../decoders.ts";
import { instantParam, rowsOf } from "../sql.ts";

/** Minimum milliseconds between updates of `last_used_at`: a token used every second is written once a minute. */
const TOUCH_AFTER_MS = 60_000;

/** Finds the token with a hash and records its use; null if it is unknown, revoked or expired. */
export async function touchApiToken(
  db: Db,
  tokenHash: string,
  now: Date,
): Promise<{ name: string; scopes: readonly string[] } | null> {
  const touchBefore = new Date(now.getTime() - TOUCH_AFTER_MS);
  const [row] = await rowsOf(
    db,
    { name: text, scopes: arrayOf(text) },
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
