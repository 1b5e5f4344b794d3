import type { AdminRole, AuditContext } from "@cpa-payouts/core";
import { type AdminChange, hasAdmins, insertAdmin, liftTries, setAdminPassword, updateAdmin } from "@cpa-payouts/db";
import { type AccessContext, inQueue } from "./context.ts";
import { refuseWeakPassword } from "./password-strength.ts";
import { generatePassword, hashPassword } from "./passwords.ts";

/**
 * Adds an administrator.
 *
 * @param input.password if it is left out, one is generated
 * @returns the password, which is stored only as a hash; `already-exists` when there is an administrator with that e-mail
 * @throws InputError when the given password is easy to guess
 */
export async function createAdmin(
  ctx: AccessContext,
  { password: chosen, ...input }: AuditContext & { email: string; role: AdminRole; password?: string },
): Promise<{ status: "created"; password: string } | { status: "already-exists" }> {
  const { password, passwordHash } = await preparePassword(ctx, input, chosen);
  const adminId = await insertAdmin(ctx.db, { ...input, passwordHash, now: ctx.clock() });
  if (adminId === null) return { status: "already-exists" };
  ctx.log.info({ adminId }, "admin.created");
  return { status: "created", password };
}

/**
 * Adds the first administrator of an installation, with the role `admin` and a generated password.
 *
 * @returns the password; `already-exists` when there is any administrator
 */
export async function createFirstAdmin(
  ctx: AccessContext,
  input: AuditContext & { email: string },
): Promise<{ status: "created"; password: string } | { status: "already-exists" }> {
  if (await hasAdmins(ctx.db)) return { status: "already-exists" };
  return createAdmin(ctx, { ...input, role: "admin" });
}

/**
 * Changes the role of an administrator, or disables or enables them. A disabled administrator is signed out everywhere.
 *
 * @returns `last-admin` when the change was refused, because no enabled administrator of role `admin` would be left to
 *   manage the others; `unknown-admin` for an unknown e-mail
 */
export async function changeAdmin(
  ctx: AccessContext,
  input: AuditContext & { email: string; role?: AdminRole; isDisabled?: boolean },
): Promise<AdminChange["status"]> {
  const change = await updateAdmin(ctx.db, { ...input, now: ctx.clock() });
  if (change.status === "changed") ctx.log.info({ adminId: change.adminId }, "admin.changed");
  return change.status;
}

/**
 * Sets another password for an administrator, and ends their sessions.
 *
 * @param input.password if it is left out, one is generated
 * @param input.exceptSessionId the session that made the request, which stays open
 * @returns the password, which is stored only as a hash
 * @throws InputError when the given password is easy to guess
 */
export async function setPassword(
  ctx: AccessContext,
  { password: chosen, ...input }: AuditContext & { email: string; password?: string; exceptSessionId?: number },
): Promise<{ status: "set"; password: string } | { status: "unknown-admin" }> {
  const { password, passwordHash } = await preparePassword(ctx, input, chosen);
  const adminId = await setAdminPassword(ctx.db, { ...input, passwordHash, now: ctx.clock() });
  if (adminId === null) return { status: "unknown-admin" };
  ctx.log.info({ adminId }, "admin.password-changed");
  return { status: "set", password };
}

/** Checks the chosen password, or generates one, and hashes it. @throws InputError when the chosen one is easy to guess */
async function preparePassword(
  ctx: AccessContext,
  { email, actor }: { email: string; actor: string },
  chosen: string | undefined,
) {
  if (chosen !== undefined) await refuseWeakPassword(chosen, email);
  const password = chosen ?? generatePassword();
  const passwordHash = await inQueue(ctx, { urgency: "known", person: actor }, () =>
    hashPassword(password, ctx.passwordCost),
  );
  return { password, passwordHash };
}

/**
 * Deletes the counts of an administrator's failed tries to sign in, so that they may try again at once from any browser.
 *
 * @returns the number of counts deleted; `unknown-admin` for an unknown e-mail
 */
export async function unlockAdmin(
  ctx: AccessContext,
  input: AuditContext & { email: string },
): Promise<{ status: "unlocked"; counts: number } | { status: "unknown-admin" }> {
  const unlocked = await liftTries(ctx.db, { ...input, now: ctx.clock() });
  if (!unlocked) return { status: "unknown-admin" };
  ctx.log.info(unlocked, "admin.unlocked");
  return { status: "unlocked", counts: unlocked.counts };
}
