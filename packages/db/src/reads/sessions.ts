import { alertKeyPrefix, idInAlertKey } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, id, instant, type Row, text } from "../decoders.ts";
import { isLiveAt } from "../live-session.ts";
import { countReported, NEW_ADDRESSES_A_DAY } from "../new-addresses.ts";
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

const newAddressColumns = { id, email: text, createdAt: instant, clientAddress: text, isLast: flag };

/**
 * A sign-in from an address, or network, from which the administrator had not signed in before. `id` is that of the session.
 * `isLast` says that the limit of alerts is reached with it: later sign-ins from new addresses are not reported for a time.
 */
export type NewAddressSignIn = Row<typeof newAddressColumns>;

const EVENT = "sign-in-from-new-address";

/** The sign-ins since an instant that are to be reported and were not, oldest first. */
export async function listSignInsToAlert(
  db: Db,
  { since, limit }: { since: Date; limit: number },
): Promise<NewAddressSignIn[]> {
  const isRaised = sql`exists (select from alerts r where r.key = ${alertKeyPrefix(EVENT)} || s.id)`;
  return selectReported(db, sql`s.created_at >= ${instantParam(since)} and not ${isRaised}`, limit);
}

/** The sign-in since an instant of which an alert was raised; null if there is none. */
export async function findAlertedSignIn(
  db: Db,
  { key, since }: { key: string; since: Date },
): Promise<NewAddressSignIn | null> {
  const sessionId = idInAlertKey(EVENT, key);
  const [signIn] = await selectReported(
    db,
    sql`s.created_at >= ${instantParam(since)} and s.id = ${sessionId}::bigint`,
    1,
  );
  return signIn ?? null;
}

function selectReported(db: Db, condition: SQL, limit: number): Promise<NewAddressSignIn[]> {
  const earlier = countReported({ adminId: sql`s.admin_id`, before: sql`s.created_at`, sessions: sql`n.id < s.id` });
  return rowsOf(
    db,
    newAddressColumns,
    sql`
    select s.id, a.email, s.created_at, s.client_address, earlier.reported = ${NEW_ADDRESSES_A_DAY - 1} as is_last
    from admin_sessions s join admins a on a.id = s.admin_id cross join lateral (select ${earlier} as reported) earlier
    -- Sign-ins at the same moment do not count each other and may all be marked.
    where s.is_new_address and ${condition} and earlier.reported < ${NEW_ADDRESSES_A_DAY}
    order by s.created_at, s.id limit ${limit}`,
  );
}
