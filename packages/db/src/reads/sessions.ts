import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id, instant, type Row, text } from "../decoders.ts";
import { SESSION_IDLE_MS } from "../session-lifetime.ts";
import { instantParam, rowsOf } from "../sql.ts";

const columns = {
  id,
  email: text,
  createdAt: instant,
  lastSeenAt: instant,
  expiresAt: instant,
  clientAddress: text,
  userAgent: text,
};

export type SessionListing = Row<typeof columns>;

/** The live sessions of one administrator, or of all, newest first. */
export async function listSessions(db: Db, now: Date, adminId?: number): Promise<SessionListing[]> {
  const idleSince = new Date(now.getTime() - SESSION_IDLE_MS);
  return rowsOf(
    db,
    columns,
    sql`
    select s.id, a.email, s.created_at, s.last_seen_at, s.expires_at, s.client_address, s.user_agent
    from admin_sessions s join admins a on a.id = s.admin_id
    where s.ended_at is null and s.expires_at > ${instantParam(now)} and s.last_seen_at > ${instantParam(idleSince)}
      and a.disabled_at is null and s.admin_id = coalesce(${adminId ?? null}::bigint, s.admin_id)
    order by s.id desc`,
  );
}
