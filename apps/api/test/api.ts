import { type Client, createClient, type OperationName, operations } from "@cpa-payouts/contract";
import type { AdminRole } from "@cpa-payouts/core";
import { createAdmin, createApiToken } from "@cpa-payouts/db";
import {
  type BackendKind,
  importNetwork,
  migrationsFolder,
  openTestFlow,
  type TestFlow,
  type TestUser,
} from "@cpa-payouts/testing";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { hashToken } from "../src/access/callers.ts";
import { hashPassword } from "../src/access/passwords.ts";
import { type ApiConfig, createServer, installedAssets } from "../src/index.ts";

export const NOW = "2026-12-07T12:00:00Z";
export const ORIGIN = "http://localhost";
export const PASSWORD = "correct horse battery staple";

/** Made once: the hash is slow on purpose. */
const passwordHash = hashPassword(PASSWORD);

export const testConfig: ApiConfig = {
  host: "127.0.0.1",
  port: 0,
  publicUrl: null,
  trustedProxies: [],
  tls: null,
  rateLimit: 1_000_000,
};

export interface TestApi {
  readonly flow: TestFlow;
  readonly server: FastifyInstance;
  /** A request as it comes, without any courtesy. */
  request(options: InjectOptions): Promise<LightMyRequestResponse>;
  /** A client that is signed in as an administrator of this role, `ROLE@example.com`. */
  as(role: AdminRole): Promise<SignedIn>;
  /** A client with a token of these scopes. */
  withToken(...scopes: string[]): Promise<SignedIn>;
  readonly anonymous: SignedIn;
  close(): Promise<void>;
}

export interface SignedIn extends Client {
  /** What a browser or program of theirs sends along with each request. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The API of a network of its own, without a port: requests are handed over in memory. */
export async function openTestApi(
  options: { users?: readonly TestUser[]; config?: Partial<ApiConfig>; now?: string; kind?: BackendKind } = {},
): Promise<TestApi> {
  const flow = await openTestFlow({ kind: options.kind ?? "postgres", now: options.now ?? NOW });
  if (options.users) await importNetwork(flow.ctx, options.users);
  const config = { ...testConfig, ...options.config };
  const server = await createServer({
    ctx: flow.ctx,
    backend: flow.backend,
    config,
    migrationsFolder,
    assets: installedAssets(),
  });
  await server.ready();
  const request = (injected: InjectOptions) => server.inject(injected);
  let tokens = 0;
  return {
    flow,
    server,
    request,
    as: async (role) => signIn(server, flow, role),
    withToken: async (...scopes) => {
      const token = `payouts_test${++tokens}`;
      const now = flow.clock();
      const expiresAt = new Date(now.getTime() + 86_400_000);
      const order = { actor: "test", name: `program ${tokens}`, tokenHash: hashToken(token), scopes, expiresAt, now };
      await createApiToken(flow.ctx.db, order);
      return clientWith(server, { authorization: `Bearer ${token}` });
    },
    anonymous: clientWith(server, browserHeaders),
    close: async () => {
      await server.close();
      await flow.close();
    },
  };
}

export const browserHeaders = { origin: ORIGIN, "sec-fetch-site": "same-origin", host: "localhost" };

async function signIn(server: FastifyInstance, { ctx }: TestFlow, role: AdminRole): Promise<SignedIn> {
  const email = `${role}@example.com`;
  await createAdmin(ctx.db, { actor: "test", email, role, passwordHash: await passwordHash, now: ctx.clock() });
  const response = await server.inject({
    method: "POST",
    url: operations.signIn.path,
    headers: browserHeaders,
    payload: { email, password: PASSWORD },
  });
  if (response.statusCode !== 200) throw new Error(`signing in as ${email}: ${response.body}`);
  return clientWith(server, { ...browserHeaders, cookie: cookieOf(response) });
}

/** The session's cookie as a browser sends it back. */
export function cookieOf(response: LightMyRequestResponse): string {
  return String(response.headers["set-cookie"]).split(";")[0] ?? "";
}

export function clientWith(server: FastifyInstance, headers: Readonly<Record<string, string>>): SignedIn {
  const client = createClient({ baseUrl: "", headers, fetch: (url, init) => inMemory(server, url, init) });
  return { ...client, headers };
}

/** `fetch` without a network. */
async function inMemory(server: FastifyInstance, url: string, init: RequestInit): Promise<Response> {
  const response = await server.inject({
    method: (init.method ?? "GET") as "GET",
    url,
    headers: { host: "localhost", ...(init.headers as Record<string, string>) },
    ...(typeof init.body === "string" ? { payload: init.body } : {}),
  });
  const headers = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as [string, string]);
  const body = response.statusCode === 204 ? null : response.body;
  return new Response(body, { status: response.statusCode, headers });
}

export const operationNames = Object.keys(operations) as OperationName[];
