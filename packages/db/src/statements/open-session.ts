import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { countReported, NEW_ADDRESSES_A_DAY } from "../new-addresses.ts";
import { DEVICE_LIFE_MS, SESSION_LIFE_MS } from "../session-lifetime.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

/** The browsers that are remembered for an administrator; a further one replaces the oldest. */
const MAX_DEVICES = 20;

interface NewSession extends AuditContext {
  readonly adminId: number;
  /** The administrator's version when the credentials were checked. */
  readonly credentialsVersion: number;
  readonly tokenHash: string;
  /** The browser's earlier session, which ends: no token from before the sign-in stays valid. */
  readonly replacesTokenHash: string | null;
  /** The browser's new device token, and the earlier one, which is no longer valid. */
  readonly device: { readonly tokenHash: string; readonly replacesTokenHash: string | null };
  readonly clientAddress: string;
  /** The client address, or its network where one client has many addresses. */
  readonly clientNetwork: string;
  /** Whether the client is on this machine. Its address is never new. */
  readonly isLocal: boolean;
  readonly userAgent: string;
  readonly now: Date;
}

/**
 * Opens a session and remembers the browser. Other administrators who use the same browser keep it, under the new token. The
 * earlier token is not valid afterwards, since another person may have put it into the browser.
 *
 * Marks the session as one from a new address, which is reported, unless the account has reached the limit of such reports.
 *
 * @returns whether it was opened; not when the credentials have been changed since they were checked, or the account disabled
 */
export async function openSession(db: Db, input: NewSession): Promise<boolean> {
  const { adminId, device, now } = input;
  const expiresAt = new Date(now.getTime() + SESSION_LIFE_MS);
  const deviceExpiresAt = new Date(now.getTime() + DEVICE_LIFE_MS);
  const reported = countReported({ adminId: sql`${adminId}::bigint`, before: instantParam(now) });
  const opened = await execute(
    db,
    sql`
    with holder as (
      -- Waits for a change of the credentials, which would not see this session among those that it ends.
      select id, credentials_version from admins
      where id = ${adminId}::bigint and credentials_version = ${input.credentialsVersion}::int and disabled_at is null for share
    ), opened as (
      insert into admin_sessions (admin_id, credentials_version, token_hash, created_at, last_seen_at, confirmed_at, expires_at, client_address,
        client_network, is_new_address, user_agent)
      select id, credentials_version, ${input.tokenHash}, ${instantParam(now)}, ${instantParam(now)}, ${instantParam(now)},
        ${instantParam(expiresAt)}, ${input.clientAddress}::text, ${input.clientNetwork}::text,
        not ${input.isLocal}::boolean and not exists (
          select from admin_sessions where admin_id = ${adminId}::bigint
            and (client_network = ${input.clientNetwork}::text or client_address = ${input.clientAddress}::text))
          and ${reported} < ${NEW_ADDRESSES_A_DAY},
        ${input.userAgent}
      from holder
      returning id
    ), replaced as (
      update admin_sessions set ended_at = ${instantParam(now)}
      where token_hash = ${input.replacesTokenHash}::text and ended_at is null and exists (select from opened)
    ), renamed as (
      update admin_devices set token_hash = ${device.tokenHash}
      where token_hash = ${device.replacesTokenHash}::text and admin_id <> ${adminId}::bigint and exists (select from opened)
    ), forgotten as (
      delete from admin_devices where admin_id = ${adminId}::bigint and exists (select from opened) and (token_hash = ${device.replacesTokenHash}::text
        or id in (select id from admin_devices where admin_id = ${adminId}::bigint order by id desc offset ${MAX_DEVICES - 1}))
    ), remembered as (
      insert into admin_devices (admin_id, token_hash, session_id, expires_at)
      select ${adminId}::bigint, ${device.tokenHash}, id, ${instantParam(deviceExpiresAt)} from opened
    )
    insert into audit_log (at, actor, action, object, request_id, client_address)
    select ${instantParam(now)}, ${input.actor}, 'session.open', 'session:' || id, ${requestParams(input)} from opened
    returning id`,
  );
  return opened > 0;
}
