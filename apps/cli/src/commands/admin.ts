import { isCancel, password as promptPassword } from "@clack/prompts";
import { createAdmin, MIN_PASSWORD_LENGTH, removeSecondFactor, resetPassword, unlockAdmin } from "@cpa-payouts/access";
import {
  ADMIN_EMAIL_ADVICE,
  type AdminRole,
  adminEmail,
  adminRoles,
  InputError,
  OperationError,
} from "@cpa-payouts/core";
import { listAdmins } from "@cpa-payouts/db";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";

/**
 * `payouts admin create`: adds an administrator. On a terminal it asks for a password; elsewhere, or if none is typed, a
 * password is generated and shown once.
 *
 * @throws InputError for a bad e-mail or role, OperationError when the administrator exists already
 */
export async function addAdmin(cli: Cli, email: string, options: { role: string }): Promise<undefined> {
  const role = readRole(options.role);
  if (!adminEmail.test(email)) throw new InputError(`"${email}": ${ADMIN_EMAIL_ADVICE}`);
  const chosen = await choosePassword(cli);
  await withDatabase(cli, async (ctx) => {
    const created = await createAdmin(ctx, { email, role, actor: actorOf(cli), requestedBy: null, ...chosen });
    if (created.status !== "created")
      throw new OperationError(
        `there is an administrator ${email} already; "payouts admin password ${email}" sets another password`,
      );
    await printPassword(cli, { email, role, password: created.password, isGenerated: !chosen.password });
  });
}

/**
 * `payouts admin password`: sets another password for an administrator and signs them out everywhere; on request it
 * also removes the second factor.
 *
 * @throws InputError for an unknown administrator
 */
export async function resetAdminPassword(
  cli: Cli,
  email: string,
  options: { removeSecondFactor?: boolean },
): Promise<undefined> {
  const chosen = await choosePassword(cli);
  await withDatabase(cli, async (ctx) => {
    const input = { email, actor: actorOf(cli), requestedBy: null };
    const set = await resetPassword(ctx, { ...input, ...chosen });
    if (set.status !== "set") throw new InputError(`there is no administrator ${email}`);
    if (options.removeSecondFactor) await removeSecondFactor(ctx, input);
    await printPassword(cli, { email, password: set.password, isGenerated: !chosen.password });
  });
}

/**
 * `payouts admin unlock`: deletes the counts of an administrator's failed tries to sign in.
 *
 * @throws InputError for an unknown administrator
 */
export async function unlock(cli: Cli, email: string): Promise<undefined> {
  await withDatabase(cli, async (ctx) => {
    const unlocked = await unlockAdmin(ctx, { email, actor: actorOf(cli) });
    if (unlocked.status === "unknown-admin") throw new InputError(`there is no administrator ${email}`);
    await cli.output.object({ email, counts: unlocked.counts }, () => [
      `${email} may try again from any browser; the limits of an address last a minute at most`,
    ]);
  });
}

/** `payouts admin list`: prints all administrators. */
export async function printAdmins(cli: Cli): Promise<undefined> {
  await withDatabase(cli, async ({ db }) => {
    const admins = await listAdmins(db);
    await cli.output.list(
      [{ key: "email" }, { key: "role" }, { key: "status" }, { key: "secondFactor" }, { key: "createdAt" }],
      admins.map(({ email, role, disabledAt, totpSecret, createdAt }) => ({
        email,
        role,
        status: disabledAt ? "disabled" : "enabled",
        secondFactor: totpSecret ? "on" : "off",
        createdAt: createdAt.toISOString(),
      })),
    );
  });
}

/**
 * The actor of a change of an administrator. It is never the administrator, whatever `--actor` says: what the command line
 * changes is not one's own change, which raises no alert and issues no password.
 */
function actorOf({ actor }: Cli): string {
  return actor.startsWith("cli:") ? actor : `cli:${actor}`;
}

function readRole(text: string): AdminRole {
  const role = adminRoles.find((candidate) => candidate === text);
  if (!role) throw new InputError(`--role: "${text}" is not one of ${adminRoles.join(", ")}`);
  return role;
}

/** The password that was typed; none when one is to be generated. */
async function choosePassword({ isInteractive }: Cli): Promise<{ password?: string }> {
  const password = isInteractive ? await askPassword() : "";
  return password === "" ? {} : { password };
}

async function askPassword(): Promise<string> {
  const validate = (text = "") =>
    text === "" || text.length >= MIN_PASSWORD_LENGTH
      ? undefined
      : `at least ${MIN_PASSWORD_LENGTH} characters, or none`;
  const first = await promptPassword({ message: "Password (leave it empty to have one generated)", validate });
  if (isCancel(first)) throw new OperationError("nothing was changed");
  if (!first) return "";
  const again = await promptPassword({ message: "Once more" });
  if (again !== first) throw new InputError("the two passwords differ; nothing was changed");
  return first;
}

/** Prints a generated password as data, so that a script can read it; a typed password is not repeated. */
async function printPassword(
  cli: Cli,
  { email, role, password, isGenerated }: { email: string; role?: AdminRole; password: string; isGenerated: boolean },
): Promise<void> {
  const about = role
    ? `${email} may sign in as ${role}`
    : `${email} has another password, and was signed out everywhere`;
  const shown = isGenerated ? { password } : {};
  await cli.output.object({ email, ...(role ? { role } : {}), ...shown }, () =>
    isGenerated
      ? [about, `Password: ${password}`, "It is shown only once, and must be changed at the first sign-in."]
      : [about, "The password must be changed at the first sign-in."],
  );
}
