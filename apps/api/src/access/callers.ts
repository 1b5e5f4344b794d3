import { createHash, randomBytes } from "node:crypto";
import type { AdminRole, Order } from "@cpa-payouts/core";
import { type Db, findApiToken, findSession, type LiveSession } from "@cpa-payouts/db";
import type { FastifyRequest } from "fastify";
import type { ApiOptions } from "../api.ts";
import { sessionCookie } from "../session-cookie.ts";

/** Who makes a request: an administrator with a session, or a program with a token. */
export type Caller =
  | { readonly kind: "admin"; readonly email: string; readonly role: AdminRole; readonly session: LiveSession }
  | { readonly kind: "token"; readonly name: string; readonly scopes: readonly string[] };

/** The caller's name in the audit log. */
function actorOf(caller: Caller | null): string {
  if (!caller) return "anonymous";
  return caller.kind === "admin" ? caller.email : `token:${caller.name}`;
}

/** What the audit log records about a request: the actor, the request's id and the client's address. */
export function orderOf(caller: Caller | null, request: { readonly id: string; readonly ip: string }): Order {
  return { actor: actorOf(caller), requestId: request.id, clientAddress: request.ip };
}

const SECRET_BYTES = 32;
const TOKEN_PREFIX = "payouts_";

/** A random token of 256 bits, the value of a session's cookie. */
export function newSessionToken(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** A random token for a program, 256 bits; its prefix lets secret scanners recognise it in source code. */
export function newApiToken(): string {
  return TOKEN_PREFIX + newSessionToken();
}

/** The SHA-256 hash that is stored instead of a token. A slow hash would add nothing, since tokens have 256 random bits. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** The caller of a request, by its `Authorization` header or session cookie; null without a live token or session. */
export function callerOf({ ctx, config }: ApiOptions, request: FastifyRequest, now: Date): Promise<Caller | null> {
  const { authorization } = request.headers;
  return findCaller(ctx.db, { authorization, cookie: sessionCookie(config).read(request) }, now);
}

/**
 * Finds the caller of a request. A request with an `Authorization` header is a program's; its cookies are ignored.
 *
 * @returns null for a caller who is not signed in, or whose session or token has ended
 */
async function findCaller(
  db: Db,
  credentials: { readonly authorization: string | undefined; readonly cookie: string | undefined },
  now: Date,
): Promise<Caller | null> {
  const { authorization, cookie } = credentials;
  if (authorization !== undefined) return findProgram(db, authorization, now);
  if (cookie === undefined) return null;
  const session = await findSession(db, hashToken(cookie), now);
  return session && { kind: "admin", email: session.email, role: session.role, session };
}

async function findProgram(db: Db, authorization: string, now: Date): Promise<Caller | null> {
  const [, token] = /^Bearer ([\w-]{1,200})$/i.exec(authorization) ?? [];
  const found = token === undefined ? null : await findApiToken(db, hashToken(token), now);
  return found && { kind: "token", ...found };
}
