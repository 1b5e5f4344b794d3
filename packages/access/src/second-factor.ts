import type { AuditContext } from "@cpa-payouts/core";
import {
  type Admin,
  findProposedSecret,
  type OwnSession,
  setSecondFactor,
  storeProposedSecret,
  useSecondFactor,
} from "@cpa-payouts/db";
import { generateSecret, generateURI, verifySync } from "otplib";
import type { AccessContext } from "./context.ts";
import { generatePassword } from "./passwords.ts";
import { hashToken } from "./tokens.ts";

/** The clock of the authenticator may be off by one step of 30 seconds. */
const TOLERANCE_S = 30;
const ISSUER = "CPA Payouts";
const RECOVERY_CODES = 10;

/**
 * Creates a TOTP secret for an administrator, and the `otpauth:` URI by which an authenticator app takes it. The server keeps
 * it for the session that asked; {@link switchOnSecondFactor} switches it on within 15 minutes.
 */
export async function proposeSecondFactor(
  { db, clock }: AccessContext,
  { email, sessionId }: { email: string; sessionId: number },
): Promise<{ secret: string; uri: string }> {
  const secret = generateSecret();
  await storeProposedSecret(db, { sessionId, secret, now: clock() });
  return { secret, uri: generateURI({ issuer: ISSUER, label: email, secret }) };
}

/**
 * Switches the second factor of an administrator on with the secret proposed to their session, and ends their other sessions.
 *
 * @param input.code a code of the authenticator, which proves that it has the secret; it cannot be used again to sign in
 * @param input.ownSession the session that made the request, which stays open
 * @returns the recovery codes, which are not stored and cannot be shown again; `wrong-code` when the code is not valid now;
 *   `no-proposal` when the session has no secret, or no longer, or the credentials were changed since the request came
 */
export async function switchOnSecondFactor(
  ctx: AccessContext,
  { code, ...input }: AuditContext & { email: string; code: string; ownSession: OwnSession },
): Promise<{ status: "on"; recoveryCodes: string[] } | { status: "wrong-code" | "no-proposal" }> {
  const now = ctx.clock();
  const secret = await findProposedSecret(ctx.db, input.ownSession.sessionId, now);
  if (secret === null) return { status: "no-proposal" };
  const step = stepOfCode(secret, code, now);
  if (step === null) return { status: "wrong-code" };
  const recoveryCodes = Array.from({ length: RECOVERY_CODES }, generatePassword);
  const recoveryHashes = recoveryCodes.map(hashToken);
  const adminId = await setSecondFactor(ctx.db, { ...input, secret, step, recoveryHashes, now });
  if (adminId === null) return { status: "no-proposal" };
  ctx.log.info({ adminId }, "admin.second-factor-set");
  return { status: "on", recoveryCodes };
}

/** Whether a code has the form of an authenticator's, and not of a recovery code. */
export function isAuthenticatorCode(code: string): boolean {
  return /^\d{6}$/.test(code);
}

/** The TOTP time step of an authenticator's code; null if the code is not valid at `now`. */
function stepOfCode(secret: string, code: string, now: Date): number | null {
  if (!isAuthenticatorCode(code)) return null;
  const epoch = Math.floor(now.getTime() / 1_000);
  const found = verifySync({ secret, token: code, epoch, epochTolerance: TOLERANCE_S });
  return found.valid && "timeStep" in found ? found.timeStep : null;
}

/** Whether a code would be accepted at this moment. It is not used up. */
export function isUnusedCode(
  { clock }: Pick<AccessContext, "clock">,
  { totpSecret, totpLastStep, recoveryHashes }: Pick<Admin, "totpLastStep" | "recoveryHashes"> & { totpSecret: string },
  code: string,
): boolean {
  const step = stepOfCode(totpSecret, code, clock());
  return step === null ? recoveryHashes.includes(hashOfRecoveryCode(code)) : step > totpLastStep;
}

function hashOfRecoveryCode(code: string): string {
  return hashToken(code.toLowerCase());
}

/**
 * Checks a code of the second factor and uses it up: authenticator and recovery codes work once each.
 *
 * @returns whether the code is accepted; always true for an administrator without a second factor
 */
export async function acceptCode(
  { db, clock }: AccessContext,
  { id, totpSecret }: Pick<Admin, "id" | "totpSecret">,
  code: string,
): Promise<boolean> {
  if (totpSecret === null) return true;
  const step = stepOfCode(totpSecret, code, clock());
  if (step !== null) return useSecondFactor(db, id, { step });
  return useSecondFactor(db, id, { recoveryHash: hashOfRecoveryCode(code) });
}
