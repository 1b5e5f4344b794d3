import {
  type Admin,
  confirmSession,
  endSession,
  findAdmin,
  findSession,
  listSessions,
  openSession,
  setAdminPassword,
  setSecondFactor,
} from "@cpa-payouts/db";
import { hashToken, newSessionToken } from "../access/callers.ts";
import { generateRecoveryCode, hashPassword, isPassword, NOBODYS_HASH } from "../access/passwords.ts";
import { CONFIRMED_FOR_MS } from "../access/rules.ts";
import { acceptCode, newSecondFactor, stepOfCode } from "../access/second-factor.ts";
import { admitTry, forgiveTries } from "../access/throttle.ts";
import type { Api } from "../api.ts";
import { type Call, type Handlers, personOf } from "../calls.ts";
import { ApiProblem, notFound } from "../problems.ts";
import { sessionCookie } from "../session-cookie.ts";

const RECOVERY_CODES = 10;

export const sessionHandlers: Handlers<"sessions"> = {
  signIn: async (api, call) => {
    const { ctx, config } = api;
    const admin = await authenticate(api, call);
    const cookie = sessionCookie(config);
    const token = newSessionToken();
    const before = cookie.read(call.request);
    const now = ctx.clock();
    await openSession(ctx.db, {
      actor: admin.email,
      requestId: call.request.id,
      clientAddress: call.request.ip,
      adminId: admin.id,
      tokenHash: hashToken(token),
      replacesTokenHash: before === undefined ? null : hashToken(before),
      userAgent: (call.request.headers["user-agent"] ?? "").slice(0, 300),
      now,
    });
    ctx.log.info({ adminId: admin.id }, "session.opened");
    cookie.write(call.reply, token);
    return describeSession(api, token);
  },

  readSession: async (_api, call) => presentSession(personOf(call).session),

  confirmSession: async (api, call) => {
    const { session, email } = personOf(call);
    await authenticate(api, { ...call, body: { ...call.body, email } });
    const now = api.ctx.clock();
    await confirmSession(api.ctx.db, { ...call.order, sessionId: session.id, now });
    return presentSession({ ...session, confirmedAt: now });
  },

  signOut: async ({ ctx, config }, call) => {
    const { session } = personOf(call);
    await endSession(ctx.db, { ...call.order, sessionId: session.id, now: ctx.clock() });
    sessionCookie(config).clear(call.reply);
    return undefined;
  },

  changePassword: async ({ ctx }, call) => {
    const { email, session } = personOf(call);
    const passwordHash = await hashPassword(call.body.password);
    const change = { email, passwordHash, exceptSessionId: session.id, now: ctx.clock() };
    await setAdminPassword(ctx.db, { ...call.order, ...change });
    return undefined;
  },

  proposeSecondFactor: async (_api, call) => newSecondFactor(personOf(call).email),

  setSecondFactor: async ({ ctx }, call) => {
    const { email, session } = personOf(call);
    const { secret, code } = call.body;
    const now = ctx.clock();
    if (stepOfCode(secret, code, now) === null)
      throw new ApiProblem(
        400,
        "bad-input",
        "the code is not valid at this moment; check the clock of your authenticator",
      );
    const recoveryCodes = Array.from({ length: RECOVERY_CODES }, generateRecoveryCode);
    const recoveryHashes = recoveryCodes.map(hashToken);
    await setSecondFactor(ctx.db, { ...call.order, email, secret, recoveryHashes, exceptSessionId: session.id, now });
    return { recoveryCodes };
  },

  removeSecondFactor: async ({ ctx }, call) => {
    const { email, session } = personOf(call);
    const removal = { email, secret: null, recoveryHashes: [], exceptSessionId: session.id, now: ctx.clock() };
    await setSecondFactor(ctx.db, { ...call.order, ...removal });
    return undefined;
  },

  listSessions: async ({ ctx }, call) => {
    const { role, session } = personOf(call);
    const sessions = await listSessions(ctx.db, ctx.clock(), role === "admin" ? undefined : session.adminId);
    return {
      items: sessions.map((one) => ({
        ...one,
        isThisOne: one.id === session.id,
        createdAt: one.createdAt.toISOString(),
        lastSeenAt: one.lastSeenAt.toISOString(),
        expiresAt: one.expiresAt.toISOString(),
      })),
    };
  },

  endSession: async ({ ctx }, call) => {
    const { role, session } = personOf(call);
    const owner = role === "admin" ? {} : { adminId: session.adminId };
    const ended = await endSession(ctx.db, { ...call.order, sessionId: call.params.id, ...owner, now: ctx.clock() });
    if (!ended) throw notFound(`live session ${call.params.id}`);
    return undefined;
  },
};

/**
 * Checks an e-mail, a password and, if it is on, the second factor. The answer and the time taken do not reveal which of
 * e-mail and password was wrong, so an attacker cannot find out who has an account.
 *
 * @throws ApiProblem 401 when something is wrong or a code is needed, 429 after too many tries
 */
async function authenticate({ ctx }: Api, { body, request }: Pick<Call<"signIn">, "body" | "request">): Promise<Admin> {
  const now = ctx.clock();
  const attempt = { email: body.email, clientAddress: request.ip };
  await admitTry(ctx.db, attempt, now);
  const admin = await findAdmin(ctx.db, body.email);
  const isRight = await isPassword(body.password, admin?.passwordHash ?? NOBODYS_HASH);
  const refused = () => {
    ctx.log.warn({ requestId: request.id, clientAddress: request.ip, adminId: admin?.id ?? null }, "session.refused");
    return new ApiProblem(401, "wrong-credentials", "the e-mail, the password or the code is wrong");
  };
  if (!admin || !isRight || admin.disabledAt) throw refused();
  if (admin.totpSecret !== null && body.code === undefined)
    throw new ApiProblem(401, "second-factor-required", "the code of the second factor is needed as well");
  if (!(await acceptCode(ctx.db, admin, body.code ?? "", now))) throw refused();
  await forgiveTries(ctx.db, attempt, now);
  return admin;
}

type SessionState = Pick<
  NonNullable<Awaited<ReturnType<typeof findSession>>>,
  "email" | "role" | "hasSecondFactor" | "confirmedAt" | "expiresAt"
>;

function presentSession({ email, role, hasSecondFactor, confirmedAt, expiresAt }: SessionState) {
  const confirmedUntil = new Date(confirmedAt.getTime() + CONFIRMED_FOR_MS).toISOString();
  return { email, role, hasSecondFactor, confirmedUntil, expiresAt: expiresAt.toISOString() };
}

async function describeSession({ ctx }: Api, token: string) {
  const session = await findSession(ctx.db, hashToken(token), ctx.clock());
  if (!session) throw new ApiProblem(401, "signed-out", "the account has just been disabled");
  return presentSession(session);
}
