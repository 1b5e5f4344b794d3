import {
  type Admin,
  findAdmin,
  forgetTries,
  listHashParameters,
  noteSignInFailure,
  refusedCodes,
  renewPasswordHash,
} from "@cpa-payouts/db";
import { type Admission, type Attempt, admitAttempt, giveBack, type TooManyTries, tooManyTries } from "./admission.ts";
import { type AccessContext, inQueue, type Turn } from "./context.ts";
import { networkOf } from "./networks.ts";
import { decoyHash, hashPassword, isKnownKind, isPassword, parametersOfCost } from "./passwords.ts";
import { acceptCode, isAuthenticatorCode } from "./second-factor.ts";
import { admit, countersOf } from "./throttle.ts";
import { BusyError } from "./work-queue.ts";

/** What a person gives to prove who they are, and where the request comes from. */
export interface Credentials extends Attempt {
  readonly password: string;
  readonly requestId: string;
}

/** Why credentials were refused. */
export type Refusal =
  /** The e-mail, the password or the code is wrong, or the administrator is disabled. Which of them is not revealed. */
  | { readonly status: "wrong-credentials" }
  /** E-mail and password are right, and the code of the second factor is missing. */
  | { readonly status: "second-factor-required" }
  | TooManyTries;

/**
 * Checks an e-mail, a password and, if it is on, the second factor. The result and the time taken do not reveal which of
 * e-mail and password was wrong, so an attacker cannot find out who has an account.
 *
 * @throws BusyError when too many passwords are being checked
 */
export async function authenticate(
  ctx: AccessContext,
  credentials: Credentials,
): Promise<{ readonly status: "right"; readonly admin: Admin } | Refusal> {
  const admission = await admitAttempt(ctx, credentials);
  if (admission.status !== "admitted") return admission;
  const found = await findAdmin(ctx.db, credentials.email);
  const admin = found?.disabledAt ? null : found;
  const isRight = await isRightPassword(ctx, { ...credentials, admin, admission });
  if (isRight === null) return tooManyTries(admission.waitWithoutCode ?? 1, true);
  if (!admin || !isRight) return refuse(ctx, credentials, found);
  const refusal = await refusalOfCode(ctx, { ...credentials, admin, admission });
  const refused = refusedCodes(admin.email, networkOf(credentials.clientAddress), ctx.clock());
  if (refusal) await admit(ctx, [refused.counter]);
  if (refusal?.status === "wrong-credentials") return refuse(ctx, credentials, admin);
  if (refusal) return refusal;
  await forgetTries(ctx.db, [...admission.forgivenKeys, ...refused.keys]);
  await renewHash(ctx, admin, credentials.password);
  return { status: "right", admin };
}

/** Records wrong credentials, and refuses them. */
export async function refuse(
  { db, log, clock }: AccessContext,
  { requestId, clientAddress }: Credentials,
  admin: Admin | null,
): Promise<Refusal> {
  await noteSignInFailure(db, { email: admin?.email ?? null, clientAddress, now: clock() });
  log.warn({ requestId, clientAddress, adminId: admin?.id ?? null }, "session.refused");
  return { status: "wrong-credentials" };
}

type Check = Credentials & { readonly admission: Admission };

/**
 * Compares the password with the administrator's hash. Hashes of different kinds and costs take different times, so each
 * check compares with one of every kind that is in use, whether the account exists or not. A try that the queue refuses is
 * not counted and uses no code up, since no password was looked at.
 *
 * @returns null when the code that the try needs was used up by another one meanwhile
 */
async function isRightPassword(
  ctx: AccessContext,
  { password, code = "", email, admin, admission }: Check & { admin: Admin | null },
): Promise<boolean | null> {
  const inUse = await listHashParameters(ctx.db);
  const hashes = hashesToCompare([parametersOfCost(ctx.passwordCost), ...inUse], admin);
  const turn: Turn = admission.isKnown ? { urgency: "known", person: email.toLowerCase() } : { urgency: "unknown" };
  const work = inQueue(ctx, turn, async () => {
    if (admission.waitWithoutCode !== null && !(admin && (await acceptCode(ctx, admin, code)))) return null;
    let isRight = false;
    for (const hash of hashes) if (await isPassword(password, hash)) isRight = true;
    return isRight;
  });
  return work.catch(async (cause: unknown) => {
    if (cause instanceof BusyError) await giveBack(ctx, admission);
    throw cause;
  });
}

/** One hash of every kind: the administrator's own, and of the other kinds hashes that nothing matches. */
export function hashesToCompare(parameters: readonly string[], admin: Pick<Admin, "passwordHash"> | null): string[] {
  const kinds = [...new Set(parameters.filter(isKnownKind))];
  return kinds.map((kind) => (admin && isOfKind(admin, kind) ? admin.passwordHash : decoyHash(kind)));
}

function isOfKind({ passwordHash }: Pick<Admin, "passwordHash">, parameters: string): boolean {
  return passwordHash.startsWith(`${parameters}$`);
}

/** Checks the code after a right password. */
async function refusalOfCode(
  ctx: AccessContext,
  { admin, admission, ...credentials }: Check & { admin: Admin },
): Promise<Refusal | null> {
  const { code } = credentials;
  if (admin.totpSecret === null || admission.waitWithoutCode !== null) return null;
  if (code === undefined) return { status: "second-factor-required" };
  if (!admission.isKnown && isAuthenticatorCode(code)) {
    const waitSeconds = await admit(ctx, countersOf(credentials).code);
    if (waitSeconds !== null) return tooManyTries(waitSeconds);
  }
  return (await acceptCode(ctx, admin, code)) ? null : { status: "wrong-credentials" };
}

/**
 * Replaces a hash of another kind or cost, which only the password itself makes possible. When too many passwords are being
 * checked, a later sign-in replaces it.
 */
async function renewHash(ctx: AccessContext, admin: Admin, password: string): Promise<void> {
  if (isOfKind(admin, parametersOfCost(ctx.passwordCost))) return;
  const renewed = await inQueue(ctx, { urgency: "known", person: admin.email }, () =>
    hashPassword(password, ctx.passwordCost),
  ).catch(nullIfBusy);
  if (renewed === null) return;
  await renewPasswordHash(ctx.db, { adminId: admin.id, from: admin.passwordHash, to: renewed });
}

function nullIfBusy(error: unknown): null {
  if (error instanceof BusyError) return null;
  throw error;
}
