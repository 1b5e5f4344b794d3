import { type SQL, sql } from "drizzle-orm";
import { SESSION_IDLE_MS } from "./session-lifetime.ts";
import { instantParam } from "./sql.ts";

/**
 * An SQL condition on `admin_sessions s` and its `admins a`: the session is live. It has neither ended nor expired nor been unused
 * for {@link SESSION_IDLE_MS}, the administrator is enabled, and no credentials have been changed since those were checked by
 * which it was opened.
 */
export function isLiveAt(now: Date): SQL {
  const idleSince = new Date(now.getTime() - SESSION_IDLE_MS);
  return sql`s.ended_at is null and s.expires_at > ${instantParam(now)} and s.last_seen_at > ${instantParam(idleSince)}
    and a.disabled_at is null and s.credentials_version = a.credentials_version`;
}
