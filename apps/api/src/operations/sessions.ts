import {
  choosePassword,
  confirmSession,
  endSession,
  findSession,
  proposeSecondFactor,
  type Refusal,
  removeSecondFactor,
  signIn,
  switchOnSecondFactor,
} from "@cpa-payouts/access";
import { type LiveSession, listSessions, type OwnSession } from "@cpa-payouts/db";
import type { FastifyReply, FastifyRequest } from "fastify";
import { CONFIRMED_FOR_MS } from "../access/rules.ts";
import type { Api } from "../api.ts";
import { type Handlers, personOf } from "../calls.ts";
import { deviceCookie, sessionCookie } from "../cookies.ts";
import { ApiProblem, notFound } from "../problems.ts";

export const sessionHandlers: Handlers<"sessions"> = {
  signIn: async (api, { request, reply, body }) => {
    const cookie = sessionCookie(api.config);
    const device = deviceCookie(api.config);
    const signedIn = await signIn(api.access, {
      ...credentialsOf(request, body),
      email: body.email,
      deviceToken: device.read(request),
      replacesToken: cookie.read(request),
      userAgent: request.headers["user-agent"] ?? "",
    });
    if (signedIn.status !== "signed-in") throw problemOf(signedIn, reply);
    cookie.write(reply, signedIn.token);
    device.write(reply, signedIn.deviceToken);
    return describeSession(api, signedIn.token);
  },

  readSession: async (_api, call) => presentSession(personOf(call).session),

  confirmSession: async ({ access }, call) => {
    const { session, email } = personOf(call);
    const credentials = { ...credentialsOf(call.request, call.body), email };
    const confirmed = await confirmSession(access, { ...credentials, sessionId: session.id });
    if (confirmed.status !== "confirmed") throw problemOf(confirmed, call.reply);
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
    const { password } = call.body;
    const clientAddress = call.request.ip;
    const chosen = await choosePassword(access, {
      ...call.audit,
      clientAddress,
      email,
      password,
      ownSession: ownSessionOf(session),
    });
    if (chosen.status === "too-many-tries") throw problemOf(chosen, call.reply);
    if (chosen.status === "changed-meanwhile") throw changedMeanwhile();
    return undefined;
  },

  proposeSecondFactor: async ({ access }, call) => {
    const { email, session } = personOf(call);
    return proposeSecondFactor(access, { email, sessionId: session.id });
  },

  setSecondFactor: async ({ access }, call) => {
    const { email, session } = personOf(call);
    const result = await switchOnSecondFactor(access, {
      ...call.audit,
      ...call.body,
      email,
      ownSession: ownSessionOf(session),
    });
    if (result.status === "on") return { recoveryCodes: result.recoveryCodes };
    if (result.status === "no-proposal")
      throw new ApiProblem(
        409,
        "conflict",
        "this session has no secret to switch on, or it is older than 15 minutes: POST /api/v1/session/second-factor gives one",
        { current: { hasSecondFactor: session.hasSecondFactor } },
      );
    throw new ApiProblem(
      400,
      "bad-input",
      "the code is not valid at this moment; check the clock of your authenticator",
    );
  },

  removeSecondFactor: async ({ access }, call) => {
    const { email, session } = personOf(call);
    const removed = await removeSecondFactor(access, {
      ...call.audit,
      email,
      requestedBy: session.adminId,
      ownSession: ownSessionOf(session),
    });
    if (removed.status === "unchanged") throw changedMeanwhile();
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

function ownSessionOf({ id: sessionId, credentialsVersion }: LiveSession): OwnSession {
  return { sessionId, credentialsVersion };
}

function changedMeanwhile(): ApiProblem {
  return new ApiProblem(
    409,
    "conflict",
    "the password or the second factor of this account was changed at the same moment; this request changed nothing",
  );
}

function credentialsOf(
  { id, ip }: FastifyRequest,
  { password, code }: { password: string; code?: string | undefined },
) {
  return { password, code, requestId: id, clientAddress: ip };
}

/** The response to refused credentials: 401 when something is wrong or a code is needed, 429 after too many tries. */
function problemOf(refusal: Refusal, reply: FastifyReply): ApiProblem {
  switch (refusal.status) {
    case "wrong-credentials":
      return new ApiProblem(401, "wrong-credentials", "the e-mail, the password or the code is wrong");
    case "second-factor-required":
      return new ApiProblem(401, "second-factor-required", "the code of the second factor is needed as well");
    case "too-many-tries":
      void reply.header("retry-after", refusal.waitSeconds);
      return new ApiProblem(
        429,
        "too-many-requests",
        `too many tries; wait ${refusal.waitSeconds} seconds${refusal.mayGiveCode ? ", or give a code of your second factor as well" : ""}`,
      );
  }
}

type SessionState = Pick<
  LiveSession,
  "email" | "role" | "hasSecondFactor" | "mustChangePassword" | "confirmedAt" | "expiresAt"
>;

function presentSession({ confirmedAt, expiresAt, ...session }: SessionState) {
  const confirmedUntil = new Date(confirmedAt.getTime() + CONFIRMED_FOR_MS).toISOString();
  const { email, role, hasSecondFactor, mustChangePassword } = session;
  return { email, role, hasSecondFactor, mustChangePassword, confirmedUntil, expiresAt: expiresAt.toISOString() };
}

async function describeSession({ access }: Api, token: string) {
  const session = await findSession(access, token);
  if (!session) throw new ApiProblem(401, "signed-out", "the account has just been disabled");
  return presentSession(session);
}
