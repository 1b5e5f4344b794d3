import type { AdminRole, AuditContext } from "@cpa-payouts/core";
import { asc, eq, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { admins } from "../schema/index.ts";
import { arrayParam, instantParam, requestParams, rowsOf } from "../sql.ts";

export type Admin = typeof admins.$inferSelect;

/** The administrator with an e-mail, ignoring case, disabled or not; null if there is none. */
export async function findAdmin(db: Db, email: string): Promise<Admin | null> {
  const [admin] = await db.select().from(admins).where(eq(admins.email, email.toLowerCase()));
  return admin ?? null;
}

/** All administrators, disabled ones included, in the order of their creation. */
export async function listAdmins(db: Db): Promise<Admin[]> {
  return db.select().from(admins).orderBy(asc(admins.id));
}

/** Whether there is any administrator. */
export async function hasAdmins(db: Db): Promise<boolean> {
  const rows = await db.select({ id: admins.id }).from(admins).limit(1);
  return rows.length > 0;
}

/**
 * Adds an administrator.
 *
 * @returns whether this call created the administrator; false when there is one with that e-mail
 */
export async function createAdmin(
  db: Db,
  input: AuditContext & { email: string; role: AdminRole; passwordHash: string; now: Date },
): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    with created as (
      insert into admins (email, role, password_hash, created_at, created_by)
      values (${input.email.toLowerCase()}, ${input.role}, ${input.passwordHash}, ${instantParam(input.now)}, ${input.actor})
      on conflict (email) do nothing
      returning email, role
    ), audit as (
      insert into audit_log (at, actor, action, object, after, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'admin.create', 'admin:' || email, jsonb_build_object('role', role),
        ${requestParams(input)}
      from created
    )
    select email from created`,
  );
  return rows.length > 0;
}

export type AdminChange = "changed" | "unknown-admin" | "last-admin";

/**
 * Changes the role of an administrator, or disables or enables them. A disabled administrator is signed out everywhere.
 *
 * @returns `last-admin` when the change was refused, because no enabled administrator of role `admin` would be left to
 *   manage the others; `unknown-admin` for an unknown e-mail
 */
export async function changeAdmin(
  db: Db,
  input: AuditContext & { email: string; role?: AdminRole; isDisabled?: boolean; now: Date },
): Promise<AdminChange> {
  const role = input.role ?? null;
  const isDisabled = input.isDisabled ?? null;
  const [row] = await rowsOf<{ found: boolean; changed: boolean }>(
    db,
    sql`
    with everyone as (
      -- Locks all of them in key order: two administrators who demote each other at once must not both succeed.
      select id, email, role, disabled_at from admins order by id for update
    ), wanted as (
      select id, email, role as role_before, disabled_at as disabled_before, coalesce(${role}::text, role) as role,
        case ${isDisabled}::boolean when true then coalesce(disabled_at, ${instantParam(input.now)}) when false then null else disabled_at end
          as disabled_at
      from everyone where email = ${input.email.toLowerCase()}
    ), changed as (
      update admins a set role = w.role, disabled_at = w.disabled_at
      from wanted w
      where a.id = w.id and (
        (w.role = 'admin' and w.disabled_at is null)
        or exists (select from everyone e where e.id <> w.id and e.role = 'admin' and e.disabled_at is null))
      returning a.id, a.email, w.role_before, w.disabled_before, a.role, a.disabled_at
    ), ended as (
      update admin_sessions s set ended_at = ${instantParam(input.now)}
      from changed c where s.admin_id = c.id and c.disabled_at is not null and s.ended_at is null
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'admin.change', 'admin:' || email,
        jsonb_build_object('role', role_before, 'isDisabled', disabled_before is not null),
        jsonb_build_object('role', role, 'isDisabled', disabled_at is not null), ${requestParams(input)}
      from changed
    )
    select exists (select from wanted) as found, exists (select from changed) as changed`,
  );
  if (!row?.found) return "unknown-admin";
  return row.changed ? "changed" : "last-admin";
}

/**
 * Sets a new password and ends the sessions of the administrator.
 *
 * @param input.exceptSessionId the session that made the request, which stays open
 * @returns false for an unknown e-mail
 */
export async function setAdminPassword(
  db: Db,
  input: AuditContext & { email: string; passwordHash: string; exceptSessionId?: number; now: Date },
): Promise<boolean> {
  return changeSecret(db, input, {
    action: "admin.password",
    set: sql`password_hash = ${input.passwordHash}`,
    exceptSessionId: input.exceptSessionId ?? null,
  });
}

/**
 * Sets or removes the second factor and ends the sessions of the administrator.
 *
 * @param input.secret base32; null removes the second factor
 * @param input.exceptSessionId the session that made the request, which stays open
 * @returns false for an unknown e-mail
 */
export async function setSecondFactor(
  db: Db,
  input: AuditContext & {
    email: string;
    secret: string | null;
    recoveryHashes: readonly string[];
    exceptSessionId?: number;
    now: Date;
  },
): Promise<boolean> {
  return changeSecret(db, input, {
    action: input.secret ? "admin.second-factor" : "admin.no-second-factor",
    set: sql`totp_secret = ${input.secret}::text, totp_last_step = 0, recovery_hashes = ${arrayParam(input.recoveryHashes, "text")}`,
    exceptSessionId: input.exceptSessionId ?? null,
  });
}

async function changeSecret(
  db: Db,
  input: AuditContext & { email: string; now: Date },
  change: { action: string; set: ReturnType<typeof sql>; exceptSessionId: number | null },
): Promise<boolean> {
  const rows = await rowsOf(
    db,
    sql`
    with changed as (
      update admins set ${change.set} where email = ${input.email.toLowerCase()} returning id, email
    ), ended as (
      update admin_sessions s set ended_at = ${instantParam(input.now)}
      from changed c
      where s.admin_id = c.id and s.ended_at is null and s.id is distinct from ${change.exceptSessionId}::bigint
    ), audit as (
      insert into audit_log (at, actor, action, object, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, ${change.action}, 'admin:' || email, ${requestParams(input)} from changed
    )
    select email from changed`,
  );
  return rows.length > 0;
}

/**
 * Uses up a code of the second factor.
 *
 * @param use the time step of a TOTP code, or the hash of a recovery code
 * @returns false when that code or a later TOTP code was used before, or the recovery code is unknown
 */
export async function useSecondFactor(
  db: Db,
  adminId: number,
  use: { step: number } | { recoveryHash: string },
): Promise<boolean> {
  const rows = await rowsOf(
    db,
    "step" in use
      ? sql`update admins set totp_last_step = ${use.step} where id = ${adminId} and totp_last_step < ${use.step} returning id`
      : sql`
        update admins set recovery_hashes = array_remove(recovery_hashes, ${use.recoveryHash})
        where id = ${adminId} and ${use.recoveryHash} = any(recovery_hashes) returning id`,
  );
  return rows.length > 0;
}
