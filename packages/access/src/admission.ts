import { type Admin, findAdmin, findDevice, giveBackTries, type TryCounter } from "@cpa-payouts/db";
import type { AccessContext } from "./context.ts";
import { isAuthenticatorCode, isUnusedCode } from "./second-factor.ts";
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
  /**
   * The code of the second factor takes the place of the account's limit, and must be used up before the password is looked
   * at: otherwise one code would admit many passwords. If it cannot be, because another try was first, this many seconds are
   * to be waited. Null when no code is needed for that.
   */
  readonly waitWithoutCode: number | null;
  /** The counts that a right password deletes. */
  readonly forgivenKeys: readonly string[];
  /** What was counted against the person or the account, to be given back if no password is looked at. */
  readonly counted: readonly TryCounter[];
  readonly countedAt: Date;
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

/** Stands in for an account without a second factor, so that checking a code takes the same time. */
const standIn = { totpSecret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", totpLastStep: 0, recoveryHashes: [] };

/**
 * Decides whether a password may be checked (docs/decisions/0024). A session and a known browser have counts of their own, so
 * guessers elsewhere cannot lock a person out of them. An unknown browser is refused when its address, or the account as a
 * whole, has had too many tries; a valid code of the second factor takes the place of the account's limit.
 */
export async function admitAttempt(ctx: AccessContext, attempt: Attempt): Promise<Admission | TooManyTries> {
  const counters = countersOf(attempt);
  const countedAt = ctx.clock();
  if (attempt.sessionId !== undefined) {
    const session = counters.session(attempt.sessionId);
    const waitSeconds = await admit(ctx, session, countedAt);
    return waitSeconds === null ? known(session, countedAt) : tooManyTries(waitSeconds);
  }
  const deviceId = await deviceOf(ctx, attempt);
  if (deviceId !== null) {
    const device = counters.device(deviceId);
    if ((await admit(ctx, device, countedAt)) === null) return known(device, countedAt);
  }
  return admitUnknown(ctx, attempt, countedAt);
}

/**
 * Gives back the counts of an attempt whose password could not be looked at. Those of its address stay: they bound what a
 * flood of attempts may store and queue.
 */
export function giveBack({ db }: AccessContext, { counted, countedAt }: Admission): Promise<void> {
  return giveBackTries(db, counted, countedAt);
}

function known(counted: readonly TryCounter[], countedAt: Date): Admission {
  const forgivenKeys = counted.map(({ key }) => key);
  return { status: "admitted", isKnown: true, waitWithoutCode: null, forgivenKeys, counted, countedAt };
}

async function deviceOf({ db, clock }: AccessContext, { email, deviceToken }: Attempt): Promise<number | null> {
  if (deviceToken === undefined) return null;
  return findDevice(db, { tokenHash: hashToken(deviceToken), email, now: clock() });
}

async function admitUnknown(ctx: AccessContext, attempt: Attempt, countedAt: Date): Promise<Admission | TooManyTries> {
  const { address, pair, account } = countersOf(attempt);
  const forgivenKeys = pair.map(({ key }) => key);
  const admission = { status: "admitted", isKnown: false, forgivenKeys, countedAt } as const;
  const waitForAddress = await admit(ctx, [...address, ...pair], countedAt);
  if (waitForAddress !== null) return tooManyTries(waitForAddress);
  const waitForAccount = await admit(ctx, account, countedAt);
  if (waitForAccount === null) return { ...admission, waitWithoutCode: null, counted: [...pair, ...account] };
  const codeTries = countersOfCode(attempt);
  return (await isCodeRight(ctx, attempt, codeTries, countedAt))
    ? { ...admission, waitWithoutCode: waitForAccount, counted: [...pair, ...codeTries] }
    : tooManyTries(waitForAccount, true);
}

/** A recovery code needs no limit of its own, since it cannot be guessed. */
function countersOfCode(attempt: Attempt): readonly TryCounter[] {
  return attempt.code !== undefined && isAuthenticatorCode(attempt.code) ? countersOf(attempt).codeInstead : [];
}

/** Checks the code before the password, and does not use it up yet. */
async function isCodeRight(
  ctx: AccessContext,
  { email, code }: Attempt,
  codeTries: readonly TryCounter[],
  now: Date,
): Promise<boolean> {
  if (code === undefined) return false;
  if (codeTries.length > 0 && (await admit(ctx, codeTries, now)) !== null) return false;
  const admin = await findAdmin(ctx.db, email);
  return isUnusedCode(ctx, admin && hasSecondFactor(admin) ? admin : standIn, code);
}

function hasSecondFactor(admin: Admin): admin is Admin & { totpSecret: string } {
  return admin.totpSecret !== null;
}
