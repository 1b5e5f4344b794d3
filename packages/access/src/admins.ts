import { type AdminRole, type AuditContext, defined, InputError } from "@cpa-payouts/core";
import {
  clearSecondFactor,
  findAdmin,
  type HeldChange,
  hasAdmins,
  insertAdmin,
  liftTries,
  type OwnSession,
  setAdminPassword,
  updateAdmin,
} from "@cpa-payouts/db";
import { type AccessContext, inQueue } from "./context.ts";
import { hold, isRuleOn, objectOf } from "./guarded-changes.ts";
import { refuseWeakPassword } from "./password-strength.ts";
import { generatePassword, hashPassword, isPassword } from "./passwords.ts";

interface Requested {
  /** The id of the administrator who requests a change that may need a second person; null for the command line, which needs none. */
  readonly requestedBy: number | null;
}

/**
 * Adds an administrator, who must change the password at their first sign-in. With more than the rights of a viewer this needs
 * a second person while the two-person rule is on.
 *
 * @param input.password if it is left out, one is generated
 * @returns the password, which is stored only as a hash; `already-exists` when there is an administrator with that e-mail; a
 *   change that waits, whose password is not made yet
 * @throws InputError when the given password is easy to guess
 */
export async function createAdmin(
  ctx: AccessContext,
  { password: chosen, requestedBy, ...input }: AuditContext & NewAdmin & Requested & { password?: string },
): Promise<Created | HeldChange> {
  const { email, role, ...audit } = input;
  const isGuarded = requestedBy !== null && role !== "viewer";
  if (!(isGuarded && (await isRuleOn(ctx)))) {
    const created = await insert(ctx, { ...input, password: chosen, mustChangePassword: true, isGuarded });
    if (created.status !== "needs-second-person") return created;
  }
  if (await findAdmin(ctx.db, email)) return { status: "already-exists" };
  return hold(ctx, { ...audit, kind: "create-admin", object: objectOf(email), wanted: { role }, requestedBy });
}

interface NewAdmin {
  readonly email: string;
  readonly role: AdminRole;
}

type Created = { readonly status: "created"; readonly password: string } | { readonly status: "already-exists" };

/** The rule was switched on while the password was hashed. */
type NeedsSecondPerson = { readonly status: "needs-second-person" };

async function insert(
  ctx: AccessContext,
  {
    password: chosen,
    ...input
  }: AuditContext &
    NewAdmin & { password?: string | undefined; mustChangePassword: boolean; isFirst?: boolean; isGuarded: boolean },
): Promise<Created | NeedsSecondPerson> {
  const { password, passwordHash } = await preparePassword(ctx, input, chosen);
  const added = await insertAdmin(ctx.db, { ...input, passwordHash, now: ctx.clock() });
  if (added.status !== "created") return { status: added.status };
  ctx.log.info({ adminId: added.adminId }, "admin.created");
  return { status: "created", password };
}

/**
 * Adds the first administrator of an installation, with the role `admin` and a generated password. They need not change it,
 * because no other person has seen it.
 *
 * @returns the password; `already-exists` when there is any administrator
 */
export async function createFirstAdmin(ctx: AccessContext, input: AuditContext & { email: string }): Promise<Created> {
  if (await hasAdmins(ctx.db)) return { status: "already-exists" };
  const created = await insert(ctx, {
    ...input,
    role: "admin",
    mustChangePassword: false,
    isFirst: true,
    isGuarded: false,
  });
  return created.status === "created" ? created : { status: "already-exists" };
}

/**
 * Changes the role of an administrator, or disables or enables them. A disabled administrator is signed out everywhere. What
 * gives more than the rights of a viewer needs a second person while the two-person rule is on.
 *
 * @returns `last-admin` when the change was refused, because no enabled administrator of role `admin` would be left to
 *   manage the others; `unknown-admin` for an unknown e-mail; or a change that waits
 * @throws InputError when an account named like a program would be enabled
 */
export async function changeAdmin(
  ctx: AccessContext,
  { requestedBy, ...input }: AuditContext & Requested & { email: string; role?: AdminRole; isDisabled?: boolean },
): Promise<{ readonly status: "changed" | "unknown-admin" | "last-admin" } | HeldChange> {
  const { email, role, isDisabled, ...audit } = input;
  if (isDisabled === false && email.includes(":"))
    throw new InputError(`${email} cannot be enabled: a name with a colon could be mistaken for a program's`);
  const change = await updateAdmin(ctx.db, { ...input, isGuarded: requestedBy !== null, now: ctx.clock() });
  if (change.status === "needs-second-person") {
    const wanted = defined({ role, isDisabled });
    return hold(ctx, { ...audit, kind: "change-admin", object: objectOf(email), wanted, requestedBy });
  }
  if (change.status === "changed") ctx.log.info({ adminId: change.adminId }, "admin.changed");
  return { status: change.status };
}

/**
 * Changes the password of the administrator who asks for it, and ends their other sessions.
 *
 * @param input.ownSession the session that made the request, which stays open
 * @returns `changed-meanwhile` when the credentials were changed, or the account disabled, since the request came
 * @throws InputError when the password is easy to guess, or is the one that another person issued
 */
export async function changePassword(
  ctx: AccessContext,
  { password, ...input }: AuditContext & { email: string; password: string; ownSession: OwnSession },
): Promise<{ readonly status: "set" | "changed-meanwhile" }> {
  const admin = await findAdmin(ctx.db, input.email);
  if (
    admin?.mustChangePassword &&
    (await inQueue(ctx, { urgency: "known", person: input.actor }, () => isPassword(password, admin.passwordHash)))
  )
    throw new InputError("take another password than the one that was issued to you");
  const { status } = await setPassword(ctx, { ...input, password, isIssued: false, isGuarded: false });
  return { status: status === "set" ? "set" : "changed-meanwhile" };
}

/**
 * Sets another password for an administrator, which they must change at their next sign-in, and ends their sessions. For a
 * colleague this needs a second person while the two-person rule is on.
 *
 * @param input.password if it is left out, one is generated
 * @returns the password, which is stored only as a hash; or a change that waits, whose password is not made yet
 * @throws InputError when the given password is easy to guess
 */
export async function resetPassword(
  ctx: AccessContext,
  { requestedBy, ...input }: AuditContext & Requested & { email: string; password?: string },
): Promise<PasswordSet | HeldChange> {
  const { email, password: _password, ...audit } = input;
  const isOwn = input.actor === email;
  const isGuarded = requestedBy !== null && !isOwn;
  if (!(isGuarded && (await isRuleOn(ctx)))) {
    const set = await setPassword(ctx, { ...input, isIssued: !isOwn, isGuarded });
    if (set.status !== "needs-second-person") return set;
  }
  if (!(await findAdmin(ctx.db, email))) return { status: "unknown-admin" };
  return hold(ctx, { ...audit, kind: "reset-password", object: objectOf(email), wanted: {}, requestedBy });
}

type PasswordSet = { readonly status: "set"; readonly password: string } | { readonly status: "unknown-admin" };

async function setPassword(
  ctx: AccessContext,
  {
    password: chosen,
    ...input
  }: AuditContext & {
    email: string;
    password?: string;
    isIssued: boolean;
    isGuarded: boolean;
    ownSession?: OwnSession;
  },
): Promise<PasswordSet | NeedsSecondPerson> {
  const { password, passwordHash } = await preparePassword(ctx, input, chosen);
  const change = await setAdminPassword(ctx.db, { ...input, passwordHash, now: ctx.clock() });
  if (change.status === "needs-second-person") return change;
  if (change.status === "unchanged") return { status: "unknown-admin" };
  ctx.log.info({ adminId: change.adminId }, "admin.password-changed");
  return { status: "set", password };
}

/**
 * Removes the second factor of an administrator, and ends their sessions. For a colleague this needs a second person while the
 * two-person rule is on.
 *
 * @param input.ownSession the session that made the request, if the second factor is one's own; it stays open
 * @returns `unchanged` for an unknown e-mail, or when one's own credentials were changed since the request came
 */
export async function removeSecondFactor(
  ctx: AccessContext,
  { requestedBy, ...input }: AuditContext & Requested & { email: string; ownSession?: OwnSession },
): Promise<{ readonly status: "removed" | "unchanged" } | HeldChange> {
  const { email, ownSession: _session, ...audit } = input;
  const isByAnother = input.actor !== email;
  const isGuarded = requestedBy !== null && isByAnother;
  const change = await clearSecondFactor(ctx.db, { ...input, isByAnother, isGuarded, now: ctx.clock() });
  if (change.status === "needs-second-person")
    return hold(ctx, { ...audit, kind: "remove-second-factor", object: objectOf(email), wanted: {}, requestedBy });
  if (change.status === "unchanged") return change;
  ctx.log.info({ adminId: change.adminId }, "admin.second-factor-removed");
  return { status: "removed" };
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
