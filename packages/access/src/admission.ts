import { findAdmin, findDevice } from "@cpa-payouts/db";
import type { AccessContext } from "./context.ts";
import { acceptCode, isAuthenticatorCode } from "./second-factor.ts";
import { admit, countersOf, type Try } from "./throttle.ts";
import { hashToken } from "./tokens.ts";

/** A try to prove an identity, and what may show that it does not come from a guesser. */
export interface Attempt extends Try {
  readonly code: string | undefined;
  /** The browser's device cookie; undefined without one. */
  readonly deviceToken?: string | undefined;
  /** The session that is confirmed; undefined for a sign-in. */
  readonly sessionId?: number;
}

/** An attempt whose password may be checked. */
export interface Admission {
  readonly status: "admitted";
  /** Whether it comes from a known browser or a session. */
  readonly isKnown: boolean;
  /** Whether the code of the second factor was checked, and used up, already. */
  readonly isCodeAccepted: boolean;
  /** The counts that a right password deletes. */
  readonly forgivenKeys: readonly string[];
}

export interface TooManyTries {
  readonly status: "too-many-tries";
  readonly waitSeconds: number;
  /** Whether the same try with a code of the second factor might be admitted. Says nothing about the account. */
  readonly mayGiveCode: boolean;
}

export function tooManyTries(waitSeconds: number, mayGiveCode = false): TooManyTries {
  return { status: "too-many-tries", waitSeconds, mayGiveCode };
}

/** Stands in for an account without a second factor, so that checking a code takes the same time. No administrator has the id. */
const standIn = { id: 0, totpSecret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" };

/**
 * Decides whether a password may be checked (docs/decisions/0024). A session and a known browser have counts of their own, so
 * guessers elsewhere cannot lock a person out of them. An unknown browser is refused when its address, or the account as a
 * whole, has had too many tries; a valid code of the second factor takes the place of the account's limit.
 */
export async function admitAttempt(ctx: AccessContext, attempt: Attempt): Promise<Admission | TooManyTries> {
  const counters = countersOf(attempt);
  if (attempt.sessionId !== undefined) {
    const session = counters.session(attempt.sessionId);
    const waitSeconds = await admit(ctx, session);
    return waitSeconds === null ? known(session) : tooManyTries(waitSeconds);
  }
  const deviceId = await deviceOf(ctx, attempt);
  if (deviceId !== null) {
    const device = counters.device(deviceId);
    if ((await admit(ctx, device)) === null) return known(device);
  }
  return admitUnknown(ctx, attempt);
}

function known(counters: readonly { readonly key: string }[]): Admission {
  return { status: "admitted", isKnown: true, isCodeAccepted: false, forgivenKeys: counters.map(({ key }) => key) };
}

async function deviceOf({ db, clock }: AccessContext, { email, deviceToken }: Attempt): Promise<number | null> {
  if (deviceToken === undefined) return null;
  return findDevice(db, { tokenHash: hashToken(deviceToken), email, now: clock() });
}

async function admitUnknown(ctx: AccessContext, attempt: Attempt): Promise<Admission | TooManyTries> {
  const { address, account, pairKey } = countersOf(attempt);
  const admission = { status: "admitted", isKnown: false, forgivenKeys: [pairKey] } as const;
  const waitForAddress = await admit(ctx, address);
  if (waitForAddress !== null) return tooManyTries(waitForAddress);
  const waitForAccount = await admit(ctx, account);
  if (waitForAccount === null) return { ...admission, isCodeAccepted: false };
  return (await isCodeRight(ctx, attempt))
    ? { ...admission, isCodeAccepted: true }
    : tooManyTries(waitForAccount, true);
}

/**
 * Checks the code before the password. It is used up even if the password is wrong: otherwise one code would admit many
 * passwords. A recovery code needs no limit of its own, since it cannot be guessed.
 */
async function isCodeRight(ctx: AccessContext, attempt: Attempt): Promise<boolean> {
  const { email, code } = attempt;
  if (code === undefined) return false;
  if (isAuthenticatorCode(code) && (await admit(ctx, countersOf(attempt).codeInstead)) !== null) return false;
  const admin = await findAdmin(ctx.db, email);
  return acceptCode(ctx, admin?.totpSecret ? admin : standIn, code);
}
