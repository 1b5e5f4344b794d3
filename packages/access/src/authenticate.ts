import { type Admin, findAdmin } from "@cpa-payouts/db";
import type { AccessContext } from "./context.ts";
import { decoyHash, isPassword } from "./passwords.ts";
import { acceptCode } from "./second-factor.ts";
import { admitTry, forgiveTries } from "./throttle.ts";

/** What a person gives to prove who they are, and where the request comes from. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** A code of the authenticator or a recovery code; undefined if none was given. */
  readonly code: string | undefined;
  readonly requestId: string;
  /** As this server or a trusted proxy sees it, never as the client claims it. */
  readonly clientAddress: string;
}

/** Why credentials were refused. */
export type Refusal =
  /** The e-mail, the password or the code is wrong, or the administrator is disabled. Which of them is not revealed. */
  | { readonly status: "wrong-credentials" }
  /** E-mail and password are right, and the code of the second factor is missing. */
  | { readonly status: "second-factor-required" }
  | { readonly status: "too-many-tries"; readonly waitSeconds: number };

/**
 * Checks an e-mail, a password and, if it is on, the second factor. The result and the time taken do not reveal which of
 * e-mail and password was wrong, so an attacker cannot find out who has an account.
 */
export async function authenticate(
  ctx: AccessContext,
  { email, password, code, requestId, clientAddress }: Credentials,
): Promise<{ readonly status: "right"; readonly admin: Admin } | Refusal> {
  const attempt = { email, clientAddress };
  const waitSeconds = await admitTry(ctx, attempt);
  if (waitSeconds !== null) return { status: "too-many-tries", waitSeconds };
  const admin = await findAdmin(ctx.db, email);
  const refuse = (): Refusal => {
    ctx.log.warn({ requestId, clientAddress, adminId: admin?.id ?? null }, "session.refused");
    return { status: "wrong-credentials" };
  };
  const isRight = await isPassword(password, admin?.passwordHash ?? decoyHash(ctx.passwordCost));
  if (!admin || !isRight || admin.disabledAt) return refuse();
  if (admin.totpSecret !== null && code === undefined) return { status: "second-factor-required" };
  if (!(await acceptCode(ctx, admin, code ?? ""))) return refuse();
  await forgiveTries(ctx, attempt);
  return { status: "right", admin };
}
