import type { AuditContext } from "@cpa-payouts/core";
import { type Admin, setSecondFactor, useSecondFactor } from "@cpa-payouts/db";
import { generateSecret, generateURI, verifySync } from "otplib";
import type { AccessContext } from "./context.ts";
import { generateRecoveryCode } from "./passwords.ts";
import { hashToken } from "./tokens.ts";

/** The clock of the authenticator may be off by one step of 30 seconds. */
const TOLERANCE_S = 30;
const ISSUER = "CPA Payouts";
const RECOVERY_CODES = 10;

/** Creates a TOTP secret, and the `otpauth:` URI by which an authenticator app takes it. Nothing is stored. */
export function newSecondFactor(email: string): { secret: string; uri: string } {
  const secret = generateSecret();
  return { secret, uri: generateURI({ issuer: ISSUER, label: email, secret }) };
}

/**
 * Switches the second factor of an administrator on, and ends their other sessions.
 *
 * @param input.secret from {@link newSecondFactor}
 * @param input.code a code of the authenticator, which proves that it has the secret
 * @param input.exceptSessionId the session that made the request, which stays open
 * @returns the recovery codes, which are not stored and cannot be shown again; `wrong-code` when the code is not valid now
 */
export async function switchOnSecondFactor(
  ctx: AccessContext,
  { code, ...input }: AuditContext & { email: string; secret: string; code: string; exceptSessionId: number },
): Promise<{ status: "on"; recoveryCodes: string[] } | { status: "wrong-code" }> {
  const now = ctx.clock();
  if (stepOfCode(input.secret, code, now) === null) return { status: "wrong-code" };
  const recoveryCodes = Array.from({ length: RECOVERY_CODES }, generateRecoveryCode);
  const adminId = await setSecondFactor(ctx.db, { ...input, recoveryHashes: recoveryCodes.map(hashToken), now });
  ctx.log.info({ adminId }, "admin.second-factor-set");
  return { status: "on", recoveryCodes };
}

/**
 * Removes the second factor of an administrator, and ends their sessions.
 *
 * @param input.exceptSessionId the session that made the request, which stays open
 */
export async function removeSecondFactor(
  ctx: AccessContext,
  input: AuditContext & { email: string; exceptSessionId?: number },
): Promise<"removed" | "unknown-admin"> {
  const removal = { ...input, secret: null, recoveryHashes: [], now: ctx.clock() };
  const adminId = await setSecondFactor(ctx.db, removal);
  if (adminId === null) return "unknown-admin";
  ctx.log.info({ adminId }, "admin.second-factor-removed");
  return "removed";
}

/** The TOTP time step of an authenticator's code; null if the code is not valid at `now`. */
function stepOfCode(secret: string, code: string, now: Date): number | null {
  if (!/^\d{6}$/.test(code)) return null;
  const epoch = Math.floor(now.getTime() / 1_000);
  const found = verifySync({ secret, token: code, epoch, epochTolerance: TOLERANCE_S });
  return found.valid && "timeStep" in found ? found.timeStep : null;
}

/**
 * Checks a code of the second factor and uses it up: authenticator and recovery codes work once each.
 *
 * @returns whether the code is accepted; always true for an administrator without a second factor
 */
export async function acceptCode({ db, clock }: AccessContext, admin: Admin, code: string): Promise<boolean> {
  const { id, totpSecret } = admin;
  if (totpSecret === null) return true;
  const step = stepOfCode(totpSecret, code, clock());
  if (step !== null) return useSecondFactor(db, id, { step });
  return useSecondFactor(db, id, { recoveryHash: hashToken(code.toLowerCase()) });
}
