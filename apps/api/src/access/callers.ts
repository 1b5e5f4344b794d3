import { createHash, randomBytes } from "node:crypto";
import type { AdminRole, Order } from "@cpa-payouts/core";
import { type Db, findApiToken, findSession, type LiveSession } from "@cpa-payouts/db";
import type { FastifyRequest } from "fastify";
import type { ApiOptions } from "../api.ts";
import { sessionCookie } from "../session-cookie.ts";

/** Who makes a request: a person with a session, or a program with a token. */
export type Caller =
  | { readonly kind: "admin"; readonly email: string; readonly role: AdminRole; readonly session: LiveSession }
  | { readonly kind: "token"; readonly name: string; readonly scopes: readonly string[] };

/** As the audit log names them. */
function actorOf(caller: Caller | null): string {
  if (!caller) return "anonymous";
  return caller.kind === "admin" ? caller.email : `token:${caller.name}`;
}

/** What a request says about itself to the audit log. */
export function orderOf(caller: Caller | null, request: { readonly id: string; readonly ip: string }): Order {
  return { actor: actorOf(caller), requestId: request.id, clientAddress: request.ip };
}

const SECRET_BYTES = 32;
const TOKEN_PREFIX = "payouts_";

/** A secret that cannot be guessed: the value of a session's cookie. */
export function newSessionToken(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** A secret for a program; its beginning lets scanners of source code recognise it. */
export function newApiToken(): string {
  return TOKEN_PREFIX + newSessionToken();
}

/** How secrets with so much randomness are stored: a slow hash would add nothing. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** {@link findCaller} for a request with its header and cookie. */
export function callerOf({ ctx, config }: ApiOptions, request: FastifyRequest, now: Date): Promise<Caller | null> {
  const { authorization } = request.headers;
  return findCaller(ctx.db, { authorization, cookie: sessionCookie(config).read(request) }, now);
}

/**
 * Finds out who makes a request. A request with an `Authorization` header is a program's, whatever cookies it has.
 *
 * @returns null for somebody who is not signed in, or whose session or token is over
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
