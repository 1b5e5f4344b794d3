import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { SESSION_IDLE_MS } from "../session-lifetime.ts";
import { instantParam, rowsOf } from "../sql.ts";

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
