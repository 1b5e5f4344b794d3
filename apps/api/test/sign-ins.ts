import { hashPassword } from "@cpa-payouts/access";
import { type ApiError, operations } from "@cpa-payouts/contract";
import { insertAdmin } from "@cpa-payouts/db";
import { expect } from "vitest";
import { browserHeaders, CHEAP, clientWith, cookieOf, PASSWORD, type SignedIn, type TestApi } from "./api.ts";

export const EMAIL = "alice@example.com";
const hash = hashPassword(PASSWORD, CHEAP);

export interface Credentials {
  readonly email?: string;
  readonly password?: string;
  readonly code?: string;
}

export interface From {
  readonly headers?: Readonly<Record<string, string>>;
  readonly remoteAddress?: string;
}

/** Adds an administrator with the password {@link PASSWORD}. */
export async function addAdmin({ flow: { ctx } }: TestApi, email: string): Promise<void> {
  await insertAdmin(ctx.db, { actor: "test", email, role: "admin", passwordHash: await hash, now: ctx.clock() });
}

/** Signs in over HTTP, as {@link EMAIL} unless the credentials say otherwise. */
export function trySignIn(api: TestApi, credentials: Credentials = {}, { headers, remoteAddress }: From = {}) {
  return api.request({
    method: "POST",
    url: operations.signIn.path,
    headers: { ...browserHeaders, ...headers },
    ...(remoteAddress ? { remoteAddress } : {}),
    payload: { email: EMAIL, password: PASSWORD, ...credentials },
  });
}

/** Signs in over HTTP and returns a client with the new session. */
export async function signIn(
  api: TestApi,
  credentials: Credentials = {},
  headers: Record<string, string> = {},
): Promise<SignedIn> {
  const response = await trySignIn(api, credentials, { headers });
  expect(response.statusCode, response.body).toBe(200);
  return clientWith(api.request, { ...browserHeaders, cookie: cookieOf(response) });
}

/** The status and code of the answer to a request; 200 without a code if it was accepted. */
export async function refusal(work: Promise<unknown>) {
  const { status, problem } = await work.then(
    () => ({ status: 200, problem: null }),
    (cause: ApiError) => cause,
  );
  return { status, code: problem?.code };
}

/** An instant as an authenticator reads it: in whole seconds. */
export const secondsOf = (instant: Date) => Math.floor(instant.getTime() / 1_000);
