import {
  confirmSession,
  endSession,
  findSession,
  newSecondFactor,
  type Refusal,
  removeSecondFactor,
  setPassword,
  signIn,
  switchOnSecondFactor,
} from "@cpa-payouts/access";
import { type LiveSession, listSessions } from "@cpa-payouts/db";
import type { FastifyRequest } from "fastify";
import { CONFIRMED_FOR_MS } from "../access/rules.ts";
import type { Api } from "../api.ts";
import { type Handlers, personOf } from "../calls.ts";
import { ApiProblem, notFound } from "../problems.ts";
import { sessionCookie } from "../session-cookie.ts";

export const sessionHandlers: Handlers<"sessions"> = {
  signIn: async (api, { request, reply, body }) => {
    const cookie = sessionCookie(api.config);
    const signedIn = await signIn(api.access, {
      ...credentialsOf(request, body),
      email: body.email,
      replacesToken: cookie.read(request),
      userAgent: request.headers["user-agent"] ?? "",
    });
    if (signedIn.status !== "signed-in") throw problemOf(signedIn);
    cookie.write(reply, signedIn.token);
    return describeSession(api, signedIn.token);
  },

  readSession: async (_api, call) => presentSession(personOf(call).session),

  confirmSession: async ({ access }, call) => {
    const { session, email } = personOf(call);
    const credentials = { ...credentialsOf(call.request, call.body), email };
    const confirmed = await confirmSession(access, { ...credentials, sessionId: session.id });
    if (confirmed.status !== "confirmed") throw problemOf(confirmed);
    return presentSession({ ...session, confirmedAt: confirmed.confirmedAt });
  },

  signOut: async ({ access, config }, call) => {
    const { session } = personOf(call);
    await endSession(access, { ...call.audit, sessionId: session.id });
    sessionCookie(config).clear(call.reply);
    return undefined;
  },

  changePassword: async ({ access }, call) => {
    const { email, session } = personOf(call);
    await setPassword(access, { ...call.audit, email, password: call.body.password, exceptSessionId: session.id });
    return undefined;
  },

  proposeSecondFactor: async (_api, call) => newSecondFactor(personOf(call).email),

  setSecondFactor: async ({ access }, call) => {
    const { email, session } = personOf(call);
    const result = await switchOnSecondFactor(access, {
      ...call.audit,
      ...call.body,
      email,
      exceptSessionId: session.id,
    });
    if (result.status === "on") return { recoveryCodes: result.recoveryCodes };
    throw new ApiProblem(
      400,
      "bad-input",
      "the code is not valid at this moment; check the clock of your authenticator",
    );
  },

  removeSecondFactor: async ({ access }, call) => {
    const { email, session } = personOf(call);
    await removeSecondFactor(access, { ...call.audit, email, exceptSessionId: session.id });
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

  endSession: async ({ access }, call) => {
    const { role, session } = personOf(call);
    const owner = role === "admin" ? {} : { adminId: session.adminId };
    const ended = await endSession(access, { ...call.audit, sessionId: call.params.id, ...owner });
    if (!ended) throw notFound(`live session ${call.params.id}`);
    return undefined;
  },
};

function credentialsOf(
  { id, ip }: FastifyRequest,
  { password, code }: { password: string; code?: string | undefined },
) {
  return { password, code, requestId: id, clientAddress: ip };
}

/** The response to refused credentials: 401 when something is wrong or a code is needed, 429 after too many tries. */
function problemOf(refusal: Refusal): ApiProblem {
  switch (refusal.status) {
    case "wrong-credentials":
      return new ApiProblem(401, "wrong-credentials", "the e-mail, the password or the code is wrong");
    case "second-factor-required":
      return new ApiProblem(401, "second-factor-required", "the code of the second factor is needed as well");
    case "too-many-tries":
      return new ApiProblem(429, "too-many-requests", `too many tries; wait ${refusal.waitSeconds} seconds`);
  }
}

type SessionState = Pick<LiveSession, "email" | "role" | "hasSecondFactor" | "confirmedAt" | "expiresAt">;

function presentSession({ email, role, hasSecondFactor, confirmedAt, expiresAt }: SessionState) {
  const confirmedUntil = new Date(confirmedAt.getTime() + CONFIRMED_FOR_MS).toISOString();
  return { email, role, hasSecondFactor, confirmedUntil, expiresAt: expiresAt.toISOString() };
}

async function describeSession({ access }: Api, token: string) {
  const session = await findSession(access, token);
  if (!session) throw new ApiProblem(401, "signed-out", "the account has just been disabled");
  return presentSession(session);
}
