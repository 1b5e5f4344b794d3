import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { SESSION_LIFE_MS } from "../session-lifetime.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

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
  await execute(
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
