import { type AuditContext, isLoopback } from "@cpa-payouts/core";
import {
  type LiveSession,
  markSessionConfirmed,
  markSessionEnded,
  type OwnSession,
  openSession,
  touchSession,
} from "@cpa-payouts/db";
import { changePassword } from "./admins.ts";
import { type TooManyTries, tooManyTries } from "./admission.ts";
import { authenticate, type Credentials, type Refusal, refuse } from "./authenticate.ts";
import type { AccessContext } from "./context.ts";
import { networkOf, plainAddress } from "./networks.ts";
import { admit, countersOf } from "./throttle.ts";
import { hashToken, newSessionToken } from "./tokens.ts";

/** The longest stored name of a browser, in characters. */
const MAX_USER_AGENT_LENGTH = 300;

/**
 * Signs an administrator in: checks the credentials, opens a session and remembers the browser.
 *
 * @param input.replacesToken the browser's earlier session, which ends; undefined if it has none
 * @returns the tokens of the session and of the browser, which are stored only as hashes, or why the credentials were refused
 */
export async function signIn(
  ctx: AccessContext,
  input: Credentials & { readonly replacesToken: string | undefined; readonly userAgent: string },
): Promise<{ readonly status: "signed-in"; readonly token: string; readonly deviceToken: string } | Refusal> {
  const checked = await authenticate(ctx, input);
  if (checked.status !== "right") return checked;
  const { admin } = checked;
  const { requestId, clientAddress, replacesToken, userAgent } = input;
  const token = newSessionToken();
  const deviceToken = newSessionToken();
  const isOpened = await openSession(ctx.db, {
    actor: admin.email,
    requestId,
    clientAddress,
    adminId: admin.id,
    credentialsVersion: admin.credentialsVersion,
    tokenHash: hashToken(token),
    replacesTokenHash: hashIfGiven(replacesToken),
    device: { tokenHash: hashToken(deviceToken), replacesTokenHash: hashIfGiven(input.deviceToken) },
    clientNetwork: networkOf(clientAddress),
    isLocal: isLoopback(plainAddress(clientAddress)),
    userAgent: userAgent.slice(0, MAX_USER_AGENT_LENGTH),
    now: ctx.clock(),
  });
  // The password or the code was changed while it was being checked.
  if (!isOpened) return refuse(ctx, input, admin);
  ctx.log.info({ adminId: admin.id }, "session.opened");
  return { status: "signed-in", token, deviceToken };
}

function hashIfGiven(token: string | undefined): string | null {
  return token === undefined ? null : hashToken(token);
}

/**
 * Finds the live session of a token and records its use.
 *
 * @returns null if the session is unknown, ended, expired or unused for too long, its credentials have been changed, or its
 *   administrator is disabled
 */
export function findSession({ db, clock }: AccessContext, token: string): Promise<LiveSession | null> {
  return touchSession(db, hashToken(token), clock());
}

/**
 * Confirms that the administrator of a session is still the one who uses it: checks the credentials again.
 *
 * @returns when the session was confirmed, or why the credentials were refused
 */
export async function confirmSession(
  ctx: AccessContext,
  credentials: Credentials & { readonly sessionId: number },
): Promise<{ readonly status: "confirmed"; readonly confirmedAt: Date } | Refusal> {
  const checked = await authenticate(ctx, credentials);
  if (checked.status !== "right") return checked;
  const { requestId, clientAddress, sessionId, email: actor } = credentials;
  const confirmedAt = ctx.clock();
  await markSessionConfirmed(ctx.db, { actor, requestId, clientAddress, sessionId, now: confirmedAt });
  ctx.log.info({ sessionId }, "session.confirmed");
  return { status: "confirmed", confirmedAt };
}

/**
 * Sets the password that an administrator has chosen, and ends their other sessions.
 *
 * @param input.ownSession the session that made the request, which stays open
 * @returns `changed-meanwhile` when the credentials were changed, or the account disabled, since the request came
 * @throws InputError when the password is easy to guess, or is the one that another person issued
 */
export async function choosePassword(
  ctx: AccessContext,
  input: AuditContext & { email: string; clientAddress: string; password: string; ownSession: OwnSession },
): Promise<{ readonly status: "set" | "changed-meanwhile" } | TooManyTries> {
  const waitSeconds = await admit(ctx, countersOf(input).choice);
  if (waitSeconds !== null) return tooManyTries(waitSeconds);
  return changePassword(ctx, input);
}

/**
 * Ends a session.
 *
 * @param input.adminId if given, the session is only ended if it belongs to this administrator
 * @returns whether this call ended it
 */
export async function endSession(
  { db, clock, log }: AccessContext,
  input: AuditContext & { sessionId: number; adminId?: number },
): Promise<boolean> {
  const isEnded = await markSessionEnded(db, { ...input, now: clock() });
  if (isEnded) log.info({ sessionId: input.sessionId }, "session.ended");
  return isEnded;
}
