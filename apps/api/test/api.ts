import { randomUUID } from "node:crypto";
import { hashPassword, hashToken, type WorkQueue } from "@cpa-payouts/access";
import { type ApiError, type Client, createClient, type GuardedChange } from "@cpa-payouts/contract";
import type { AdminRole } from "@cpa-payouts/core";
import { findAdmin, insertAdmin, insertApiToken, openSession, recordTick, recordTickSuccess } from "@cpa-payouts/db";
import { importNetwork, type TestUser } from "@cpa-payouts/db/testing";
import { scheduleTicks } from "@cpa-payouts/jobs";
import type { BackendKind } from "@cpa-payouts/jobs/testing";
import { openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { migrationsFolder } from "@cpa-payouts/testing-servers";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { type ApiConfig, createServer, installedAssets } from "../src/index.ts";
import { type DocumentCheck, documentCheck, type Exchange } from "./document.ts";

export const NOW = "2026-12-07T12:00:00Z";
const MONTH_MS = 30 * 86_400_000;
const ORIGIN = "http://localhost";
export const PASSWORD = "correct horse battery staple";

/** A low cost of hashes: the real cost is slow on purpose, and these tests do not test hashing. */
export const CHEAP = { memoryKiB: 8, passes: 1 };

const passwordHash = hashPassword(PASSWORD, CHEAP);

export const testConfig: ApiConfig = {
  host: "127.0.0.1",
  port: 0,
  isDefaultPort: false,
  publicUrl: null,
  trustedProxies: [],
  tls: null,
  securityContact: null,
  rateLimit: 1_000_000,
};

export interface TestApi {
  readonly flow: TestFlow;
  readonly server: FastifyInstance;
  /** Records which operations were answered so far, and checks every answer against the OpenAPI document. */
  readonly document: DocumentCheck;
  /** Sends a request without adding headers. */
  request(options: InjectOptions): Promise<LightMyRequestResponse>;
  /**
   * A client with a session of its own as `ROLE@example.com` unless `email` is given, whose password was given `confirmedMs`
   * ago. The administrator was added a month ago.
   */
  as(role: AdminRole, options?: SessionOptions): Promise<SignedIn>;
  /** A client with a token of these scopes. */
  withToken(...scopes: string[]): Promise<SignedIn>;
  readonly anonymous: SignedIn;
  close(): Promise<void>;
}

interface SessionOptions {
  readonly confirmedMs?: number;
  readonly email?: string;
}

export interface SignedIn extends Client {
  /** The headers that this client sends with each request. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Opens the API with a database of its own and the given users. It has no port: requests are passed in memory. */
export async function openTestApi(
  options: {
    users?: readonly TestUser[];
    config?: Partial<ApiConfig>;
    now?: string;
    kind?: BackendKind;
    redisUrl?: string;
    hashing?: WorkQueue;
  } = {},
): Promise<TestApi> {
  const { kind = "postgres", now = NOW, redisUrl } = options;
  const flow = await openTestFlow({ kind, now, ...(redisUrl ? { redisUrl } : {}) });
  if (options.users) await importNetwork(flow.ctx, options.users);
  const config = { ...testConfig, ...options.config };
  const server = await createServer({
    ctx: flow.ctx,
    backend: flow.backend,
    config,
    migrationsFolder,
    assets: installedAssets(),
    passwordCost: CHEAP,
    ...(options.hashing ? { hashing: options.hashing } : {}),
  });
  await server.ready();
  const document = documentCheck(server);
  const request = async (injected: InjectOptions) => {
    const response = await server.inject(injected);
    document.check(exchangeOf(injected, response));
    return response;
  };
  let tokens = 0;
  return {
    flow,
    server,
    document,
    request,
    as: async (role, how = {}) => clientWith(request, { ...browserHeaders, cookie: await newSession(flow, role, how) }),
    withToken: async (...scopes) => {
      const token = `payouts_test${++tokens}`;
      const now = flow.clock();
      const expiresAt = new Date(now.getTime() + 86_400_000);
      const input = { actor: "test", name: `program ${tokens}`, tokenHash: hashToken(token), scopes, expiresAt, now };
      await insertApiToken(flow.ctx.db, input);
      return clientWith(request, { authorization: `Bearer ${token}` });
    },
    anonymous: clientWith(request, browserHeaders),
    close: async () => {
      await server.close();
      await flow.close();
    },
  };
}

/** Does what a worker does when it starts, so that `/readyz` answers 200. */
export async function makeReady({ flow: { ctx } }: TestApi): Promise<void> {
  await recordTick(ctx.db, ctx.clock(), { isAlerting: false });
  await recordTickSuccess(ctx.db, ctx.clock());
  await scheduleTicks(ctx.queues, ctx.policy.schedule);
}

export const browserHeaders = { origin: ORIGIN, "sec-fetch-site": "same-origin", host: "localhost" };

/** Opens a session as signing in does, without the slow hash. Returns the cookie. */
async function newSession({ ctx }: TestFlow, role: AdminRole, how: SessionOptions): Promise<string> {
  const { email = `${role}@example.com`, confirmedMs = 0 } = how;
  const now = ctx.clock();
  const added = new Date(now.getTime() - MONTH_MS);
  await insertAdmin(ctx.db, { actor: "test", email, role, passwordHash: await passwordHash, now: added });
  const admin = await findAdmin(ctx.db, email);
  if (!admin) throw new Error(`there is no ${email}`);
  const token = randomUUID();
  await openSession(ctx.db, {
    actor: email,
    adminId: admin.id,
    credentialsVersion: admin.credentialsVersion,
    tokenHash: hashToken(token),
    replacesTokenHash: null,
    device: { tokenHash: hashToken(randomUUID()), replacesTokenHash: null },
    clientAddress: "127.0.0.1",
    clientNetwork: "127.0.0.1",
    isLocal: true,
    userAgent: "test",
    now: new Date(now.getTime() - confirmedMs),
  });
  return `payouts-session=${token}`;
}

/** The session cookie that an answer sets, as a browser sends it back. */
export function cookieOf(response: LightMyRequestResponse): string {
  return cookiesOf(response)[0] ?? "";
}

/** The cookies that an answer sets, those of session and browser, as a browser sends them back. */
export function cookiesOf(response: LightMyRequestResponse): string[] {
  return [response.headers["set-cookie"] ?? []].flat().map((cookie) => cookie.split(";")[0] ?? "");
}

/** A typed client that sends these headers with each request. */
export function clientWith(request: TestApi["request"], headers: Readonly<Record<string, string>>): SignedIn {
  const client = createClient({ baseUrl: "", headers, fetch: (url, init) => inMemory(request, url, init) });
  return { ...client, headers };
}

function exchangeOf({ method = "GET", url = "" }: InjectOptions, response: LightMyRequestResponse): Exchange {
  return {
    method,
    url: typeof url === "string" ? url : (url.pathname ?? ""),
    status: response.statusCode,
    contentType: String(response.headers["content-type"] ?? ""),
    body: response.body,
  };
}

/** `fetch` without a network. */
async function inMemory(request: TestApi["request"], url: string, init: RequestInit): Promise<Response> {
  const response = await request({
    method: (init.method ?? "GET") as "GET",
    url,
    headers: { host: "localhost", ...(init.headers as Record<string, string>) },
    ...(typeof init.body === "string" ? { payload: init.body } : {}),
  });
  const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as [string, string]);
  const body = response.statusCode === 204 ? null : response.body;
  return new Response(body, { status: response.statusCode, headers });
}

/** The response to a change that was made. @throws Error when it waits for a second person */
export async function made<T>(work: Promise<T>): Promise<Exclude<T, GuardedChange>> {
  const response = await work;
  if (isHeld(response)) throw new Error("the change waits for a second person");
  return response as Exclude<T, GuardedChange>;
}

/** The change that waits for a second person. @throws Error when it was made at once */
export async function held(work: Promise<unknown>): Promise<GuardedChange> {
  const response = await work;
  if (!isHeld(response)) throw new Error("the change was made at once");
  return response;
}

function isHeld(response: unknown): response is GuardedChange {
  return typeof response === "object" && response !== null && "mayApplyAt" in response;
}

/** The status, the code and the `current` state of the error that a call is expected to answer. */
export async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => null,
    (cause: ApiError) => cause,
  );
  return { status: error?.status, code: error?.problem.code, current: error?.problem.current };
}
