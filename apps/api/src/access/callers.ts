import { type AccessContext, findApiToken, findSession } from "@cpa-payouts/access";
import type { AdminRole, AuditContext, KeyOwner } from "@cpa-payouts/core";
import { isSessionLive, type LiveSession, type LiveToken } from "@cpa-payouts/db";
import type { FastifyRequest } from "fastify";
import type { Api } from "../api.ts";
import { sessionCookie } from "../cookies.ts";
import { refusalOf } from "./rules.ts";

/** Who makes a request: an administrator with a session, or a program with a token. */
export type Caller =
  | { readonly kind: "admin"; readonly email: string; readonly role: AdminRole; readonly session: LiveSession }
  | ({ readonly kind: "token" } & LiveToken);

/** The caller's name in the audit log. */
function actorOf(caller: Caller | null): string {
  if (!caller) return "anonymous";
  return caller.kind === "admin" ? caller.email : `token:${caller.name}`;
}

/**
 * Whose idempotency keys a caller uses: an administrator's own, or those of a program, whose tokens replace each other.
 *
 * @throws Error without a caller; every operation that takes keys refuses a request without one before it gets here
 */
export function keyOwnerOf(caller: Caller | null): KeyOwner {
  if (!caller) throw new Error("a caller who is not signed in has no idempotency keys");
  return caller.kind === "admin" ? `admin:${caller.session.adminId}` : `token:${caller.keyOwnerId}`;
}

/** What the audit log records about a request: the actor, the request's id and the client's address. */
export function auditContextOf(
  caller: Caller | null,
  request: { readonly id: string; readonly ip: string },
): AuditContext {
  return { actor: actorOf(caller), requestId: request.id, clientAddress: request.ip };
}

/** The caller of a request, by its `Authorization` header or session cookie; null without a live token or session. */
export function callerOf(
  { access, config }: Pick<Api, "access" | "config">,
  request: FastifyRequest,
): Promise<Caller | null> {
  const { authorization } = request.headers;
  return findCaller(access, { authorization, cookie: sessionCookie(config).read(request) });
}

/**
 * Whether the caller of a response that is still being sent would be admitted now. It is no use of the session, which would
 * otherwise never be idle.
 */
export async function isStillAdmitted(
  api: Pick<Api, "access" | "config" | "ctx">,
  request: FastifyRequest,
): Promise<boolean> {
  const { caller } = request;
  const now = api.ctx.clock();
  if (caller?.kind === "admin") return isSessionLive(api.ctx.db, caller.session.id, now);
  const { access: rule } = request.routeOptions.config;
  return rule !== undefined && refusalOf(rule, await callerOf(api, request), now) === null;
}

/**
 * Finds the caller of a request. A request with an `Authorization` header is a program's; its cookies are ignored.
 *
 * @returns null for a caller who is not signed in, or whose session or token has ended
 */
async function findCaller(
  access: AccessContext,
  credentials: { readonly authorization: string | undefined; readonly cookie: string | undefined },
): Promise<Caller | null> {
  const { authorization, cookie } = credentials;
  if (authorization !== undefined) return findProgram(access, authorization);
  if (cookie === undefined) return null;
  const session = await findSession(access, cookie);
  return session && { kind: "admin", email: session.email, role: session.role, session };
}

async function findProgram(access: AccessContext, authorization: string): Promise<Caller | null> {
  const [, token] = /^Bearer ([\w-]{1,200})$/i.exec(authorization) ?? [];
  const found = token === undefined ? null : await findApiToken(access, token);
  return found && { kind: "token", ...found };
}
