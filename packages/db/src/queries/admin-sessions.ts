import type { AdminRole, AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** A session ends after so many milliseconds without a request. */
export const SESSION_IDLE_MS = 30 * MINUTE_MS;
/** A session ends so many milliseconds after it was opened, even if it is used. */
export const SESSION_LIFE_MS = 12 * 60 * MINUTE_MS;
/** Minimum milliseconds between updates of `last_seen_at`: a session with a request per second is written once a minute. */
const TOUCH_AFTER_MS = MINUTE_MS;

/**
 * Opens a session.
 *
 * @param input.replacesTokenHash the browser's earlier session, which ends: no token from before the sign-in stays valid
 */
export async function openSession(
  db: Db,
  input: AuditContext & {
    adminId: number;
    tokenHash: string;
    replacesTokenHash: string | null;
    clientAddress: string;
    userAgent: string;
    now: Date;
  },
): Promise<void> {
  const expiresAt = new Date(input.now.getTime() + SESSION_LIFE_MS);
  await rowsOf(
    db,
    sql`
    with opened as (
      insert into admin_sessions (admin_id, token_hash, created_at, last_seen_at, confirmed_at, expires_at, client_address, user_agent)
      values (${input.adminId}, ${input.tokenHash}, ${instantParam(input.now)}, ${instantParam(input.now)}, ${instantParam(input.now)},
        ${instantParam(expiresAt)}, ${input.clientAddress}, ${input.userAgent})
      returning id
    ), replaced as (
      update admin_sessions set ended_at = ${instantParam(input.now)}
      where token_hash = ${input.replacesTokenHash}::text and ended_at is null
    )
    insert into audit_log (at, actor, action, object, request_id, client_address)
    select ${instantParam(input.now)}, ${input.actor}, 'session.open', 'session:' || id, ${requestParams(input)} from opened`,
  );
}

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
export async function findSession(db: Db, tokenHash: string, now: Date): Promise<LiveSession | null> {
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

/** Records that the administrator of a session has just entered their password (and code) again. */
export async function confirmSession(db: Db, input: AuditContext & { sessionId: number; now: Date }): Promise<void> {
  await rowsOf(
    db,
    sql`
    with confirmed as (
      update admin_sessions set confirmed_at = ${instantParam(input.now)} where id = ${input.sessionId} returning id
    )
    insert into audit_log (at, actor, action, object, request_id, client_address)
    select ${instantParam(input.now)}, ${input.actor}, 'session.confirm', 'session:' || id, ${requestParams(input)} from confirmed`,
  );
}

/**
 * Ends a session.
 *
 * @param input.adminId if given, the session is only ended if it belongs to this administrator
 * @returns whether this call ended it
 */
export async function endSession(
  db: Db,
  input: AuditContext & { sessionId: number; adminId?: number; now: Date },
): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    with ended as (
      update admin_sessions set ended_at = ${instantParam(input.now)}
      where id = ${input.sessionId} and ended_at is null and admin_id = coalesce(${input.adminId ?? null}::bigint, admin_id)
      returning id
    ), audit as (
      insert into audit_log (at, actor, action, object, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'session.end', 'session:' || id, ${requestParams(input)} from ended
    )
    select id from ended`,
  );
  return rows.length > 0;
}

export interface SessionListing {
  readonly id: number;
  readonly email: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
  readonly clientAddress: string;
  readonly userAgent: string;
}

/** The live sessions of one administrator, or of all, newest first. */
export async function listSessions(db: Db, now: Date, adminId?: number): Promise<SessionListing[]> {
  const idleSince = new Date(now.getTime() - SESSION_IDLE_MS);
  const rows = await rowsOf<{
    id: bigint;
    email: string;
    created_at: string;
    last_seen_at: string;
    expires_at: string;
    client_address: string;
    user_agent: string;
  }>(
    db,
    sql`
    select s.id, a.email, s.created_at, s.last_seen_at, s.expires_at, s.client_address, s.user_agent
    from admin_sessions s join admins a on a.id = s.admin_id
    where s.ended_at is null and s.expires_at > ${instantParam(now)} and s.last_seen_at > ${instantParam(idleSince)}
      and a.disabled_at is null and s.admin_id = coalesce(${adminId ?? null}::bigint, s.admin_id)
    order by s.id desc`,
  );
  return rows.map((row) => ({
    id: Number(row.id),
    email: row.email,
    createdAt: new Date(row.created_at),
    lastSeenAt: new Date(row.last_seen_at),
    expiresAt: new Date(row.expires_at),
    clientAddress: row.client_address,
    userAgent: row.user_agent,
  }));
}
