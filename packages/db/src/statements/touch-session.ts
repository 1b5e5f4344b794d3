import type { AdminRole } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { SESSION_IDLE_MS } from "../session-lifetime.ts";
import { instantParam, rowsOf } from "../sql.ts";

/** Minimum milliseconds between updates of `last_seen_at`: a session with a request per second is written once a minute. */
const TOUCH_AFTER_MS = 60_000;

export interface LiveSession {
  readonly id: number;
  readonly adminId: number;
  readonly email: string;
  readonly role: AdminRole;
  /** When the password (and code) was last entered. */
  readonly confirmedAt: Date;
  readonly expiresAt: Date;
  readonly hasSecondFactor: boolean;
}

/**
 * Finds the live session of a token and records its use.
 *
 * @returns null if the session is unknown, ended, expired or unused for {@link SESSION_IDLE_MS}, or its administrator is
 *   disabled
 */
export async function touchSession(db: Db, tokenHash: string, now: Date): Promise<LiveSession | null> {
  const idleSince = new Date(now.getTime() - SESSION_IDLE_MS);
  const touchBefore = new Date(now.getTime() - TOUCH_AFTER_MS);
  const [row] = await rowsOf<{
    id: bigint;
    admin_id: bigint;
    email: string;
    role: AdminRole;
    confirmed_at: string;
    expires_at: string;
    has_second_factor: boolean;
  }>(
    db,
    sql`
    with live as (
      select s.id, s.admin_id, s.last_seen_at, s.confirmed_at, s.expires_at, a.email, a.role, a.totp_secret is not null as has_second_factor
      from admin_sessions s join admins a on a.id = s.admin_id
      where s.token_hash = ${tokenHash} and s.ended_at is null and s.expires_at > ${instantParam(now)}
        and s.last_seen_at > ${instantParam(idleSince)} and a.disabled_at is null
    ), touched as (
      update admin_sessions s set last_seen_at = ${instantParam(now)}
      from live where s.id = live.id and live.last_seen_at < ${instantParam(touchBefore)}
    )
    select * from live`,
  );
  if (!row) return null;
  return {
    id: Number(row.id),
    adminId: Number(row.admin_id),
    email: row.email,
    role: row.role,
    confirmedAt: new Date(row.confirmed_at),
    expiresAt: new Date(row.expires_at),
    hasSecondFactor: row.has_second_factor,
  };
}
