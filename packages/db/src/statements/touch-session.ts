import { adminRoles } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, id, instant, integer, oneOf, type Row, text } from "../decoders.ts";
import { isLiveAt } from "../live-session.ts";
import { instantParam, rowsOf } from "../sql.ts";

/** Minimum milliseconds between updates of `last_seen_at`: a session with a request per second is written once a minute. */
const TOUCH_AFTER_MS = 60_000;

const columns = {
  id,
  adminId: id,
  email: text,
  role: oneOf(adminRoles),
  confirmedAt: instant,
  expiresAt: instant,
  hasSecondFactor: flag,
  mustChangePassword: flag,
  credentialsVersion: integer,
};

/** `confirmedAt` is when the password (and code) was last entered. */
export type LiveSession = Row<typeof columns>;

/**
 * Finds the live session of a token and records its use.
 *
 * @returns null if the session is unknown or not live, see {@link isLiveAt}
 */
export async function touchSession(db: Db, tokenHash: string, now: Date): Promise<LiveSession | null> {
  const touchBefore = new Date(now.getTime() - TOUCH_AFTER_MS);
  const [session] = await rowsOf(
    db,
    columns,
    sql`
    with live as (
      select s.id, s.admin_id, s.last_seen_at, s.confirmed_at, s.expires_at, a.email, a.role, a.totp_secret is not null as has_second_factor,
        a.must_change_password, a.credentials_version
      from admin_sessions s join admins a on a.id = s.admin_id
      where s.token_hash = ${tokenHash} and ${isLiveAt(now)}
    ), touched as (
      update admin_sessions s set last_seen_at = ${instantParam(now)}
      from live where s.id = live.id and live.last_seen_at < ${instantParam(touchBefore)}
    )
    select * from live`,
  );
  return session ?? null;
}
