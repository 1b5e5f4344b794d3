import { type Admin, type Db, useSecondFactor } from "@cpa-payouts/db";
import { generateSecret, generateURI, verifySync } from "otplib";
import { hashToken } from "./callers.ts";

/** A clock that is off by one step of 30 seconds is forgiven. */
const TOLERANCE_S = 30;
const ISSUER = "CPA Payouts";

export function newSecondFactor(email: string): { secret: string; uri: string } {
  const secret = generateSecret();
  return { secret, uri: generateURI({ issuer: ISSUER, label: email, secret }) };
}

/** The time step of a code of an authenticator app, or null if it is not one of this moment. */
export function stepOfCode(secret: string, code: string, now: Date): number | null {
  if (!/^\d{6}$/.test(code)) return null;
  const epoch = Math.floor(now.getTime() / 1_000);
  const found = verifySync({ secret, token: code, epoch, epochTolerance: TOLERANCE_S });
  return found.valid && "timeStep" in found ? found.timeStep : null;
}

/** Whether a code of the second factor is right, and uses it up: each works once, an app's as well as a recovery code. */
export async function acceptCode(db: Db, admin: Admin, code: string, now: Date): Promise<boolean> {
  const { id, totpSecret } = admin;
  if (totpSecret === null) return true;
  const step = stepOfCode(totpSecret, code, now);
  if (step !== null) return useSecondFactor(db, id, { step });
  return useSecondFactor(db, id, { recoveryHash: hashToken(code.toLowerCase()) });
}
