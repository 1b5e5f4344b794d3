import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, id, instant, type Row, text } from "../decoders.ts";
import { isLiveAt } from "../live-session.ts";
import { PROPOSAL_LIFE_MS } from "../session-lifetime.ts";
import { instantParam, rowOf, rowsOf } from "../sql.ts";

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
  return rowsOf(
    db,
    columns,
    sql`
    select s.id, a.email, s.created_at, s.last_seen_at, s.expires_at, s.client_address, s.user_agent
    from admin_sessions s join admins a on a.id = s.admin_id
    where ${isLiveAt(now)} and s.admin_id = coalesce(${adminId ?? null}::bigint, s.admin_id)
    order by s.id desc`,
  );
}

/** Whether a session is live. Unlike `touchSession` this does not count as its use. */
export async function isSessionLive(db: Db, sessionId: number, now: Date): Promise<boolean> {
  const { isLive } = await rowOf(
    db,
    { isLive: flag },
    sql`
    select exists (
      select from admin_sessions s join admins a on a.id = s.admin_id
      where s.id = ${sessionId}::bigint and ${isLiveAt(now)}) as is_live`,
  );
  return isLive;
}

/** The TOTP secret that was proposed to a session; null without one, or when it has expired. */
export async function findProposedSecret(db: Db, sessionId: number, now: Date): Promise<string | null> {
  const proposedAfter = new Date(now.getTime() - PROPOSAL_LIFE_MS);
  const [found] = await rowsOf(
    db,
    { secret: text },
    sql`
    select proposed_secret as secret from admin_sessions
    where id = ${sessionId}::bigint and proposed_at > ${instantParam(proposedAfter)}`,
  );
  return found?.secret ?? null;
}

const newAddressColumns = { id, email: text, createdAt: instant, clientAddress: text };

/** A sign-in from an address, or network, from which the administrator had not signed in before. */
export type NewAddressSignIn = Row<typeof newAddressColumns>;

/** The sign-ins from new addresses since an instant, oldest first. `id` is that of the session. */
export async function listSignInsFromNewAddresses(db: Db, since: Date): Promise<NewAddressSignIn[]> {
  return rowsOf(
    db,
    newAddressColumns,
    sql`
    select s.id, a.email, s.created_at, s.client_address
    from admin_sessions s join admins a on a.id = s.admin_id
    where s.is_new_address and s.created_at >= ${instantParam(since)}
    order by s.id`,
  );
}
