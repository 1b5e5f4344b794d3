import { type Admin, type Db, useSecondFactor } from "@cpa-payouts/db";
import { generateSecret, generateURI, verifySync } from "otplib";
import { hashToken } from "./callers.ts";

/** The clock of the authenticator may be off by one step of 30 seconds. */
const TOLERANCE_S = 30;
const ISSUER = "CPA Payouts";

/** Creates a TOTP secret, and the `otpauth:` URI by which an authenticator app takes it. Nothing is stored. */
export function newSecondFactor(email: string): { secret: string; uri: string } {
  const secret = generateSecret();
  return { secret, uri: generateURI({ issuer: ISSUER, label: email, secret }) };
}

/** The TOTP time step of an authenticator's code; null if the code is not valid at `now`. */
export function stepOfCode(secret: string, code: string, now: Date): number | null {
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
export async function acceptCode(db: Db, admin: Admin, code: string, now: Date): Promise<boolean> {
  const { id, totpSecret } = admin;
  if (totpSecret === null) return true;
  const step = stepOfCode(totpSecret, code, now);
  if (step !== null) return useSecondFactor(db, id, { step });
  return useSecondFactor(db, id, { recoveryHash: hashToken(code.toLowerCase()) });
}
