import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { networkOf, siteOf } from "@cpa-payouts/access";
import type { AccessRule } from "@cpa-payouts/contract";
import { defined } from "@cpa-payouts/core";
import { tallyUsers } from "@cpa-payouts/db";
import { createReadiness } from "@cpa-payouts/pipeline";
import cookie from "@fastify/cookie";
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import Fastify, { type FastifyInstance, type FastifyServerOptions } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { type Caller, callerOf } from "./access/callers.ts";
import { dropForwardedPorts } from "./access/forwarded.ts";
import { hostCheck } from "./access/hosts.ts";
import { refusalOfOrigin } from "./access/origin.ts";
import { refusalOf } from "./access/rules.ts";
import { type Api, type ApiOptions, isSecure } from "./api.ts";
import { registerBoard } from "./board/board.ts";
import { registerLinks } from "./board/links.ts";
import { cached } from "./cached.ts";
import { closeWithoutDelay } from "./closing.ts";
import { registerDocument } from "./document.ts";
import { openHashing } from "./hashing.ts";
import { LONGEST_PATH, refuseMalformed, routableUrl } from "./malformed.ts";
import { openMetrics } from "./metrics.ts";
import { registerPages, signInPathFor } from "./pages.ts";
import { ApiProblem, problemSender } from "./problems.ts";
import { registerOperations } from "./routes.ts";
import { registerSecurityTxt } from "./security-txt.ts";
import { streamCounter } from "./streams.ts";
import { answerUnparsable, ignoreExpectations, refuseWithoutHost } from "./unparsable.ts";

/** A registered route with its access rule. */
export interface ServedRoute {
  readonly method: string;
  /** The pattern, such as `/api/v1/users/:externalId`. */
  readonly url: string;
  readonly access: AccessRule | undefined;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Who may call the route. The server does not start with a route that has no rule. */
    access?: AccessRule;
    /** See `Operation.isForMonitors`. */
    isForMonitors?: boolean;
  }
  interface FastifyRequest {
    caller: Caller | null;
  }
  interface FastifyInstance {
    /** Every registered route with its rule; the tests check each of them. */
    readonly routeTable: readonly ServedRoute[];
    /** Aborted on shutdown; event streams end then. */
    readonly closing: AbortSignal;
  }
}

/** In bytes. The largest request of the contract, a thousand invoice numbers, has 25 KB. */
const BODY_LIMIT = 64 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;

/** A /48 of IPv6 may make as many requests as this number of networks. Sign-ins have the same proportion. */
const NETWORKS_OF_SITE = 3;

/** Counting 200,000 users takes 50 ms, and no decision depends on an exact count. */
const USERS_CACHED_MS = 10_000;

/** Creates the API server, which does not listen yet. */
export async function createServer(options: ApiOptions): Promise<FastifyInstance> {
  const api = openApi(options);
  const server = Fastify(serverOptions(api));
  // JSON only: a form on another site can send text/plain without a CORS preflight.
  server.removeContentTypeParser("text/plain");
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.setErrorHandler(problemSender(api));
  server.setNotFoundHandler(async () => {
    throw new ApiProblem(404, "not-found", "there is no such page or operation; /docs lists the operations");
  });
  closeWithoutDelay(server);
  requireRules(server);
  ignoreExpectations(server);
  await protect(server, api);
  recordRequests(server, api);
  await refuseMalformed(server);
  await registerDocument(server, api);
  registerSecurityTxt(server, api);
  registerPages(server);
  await registerOperations(server, api);
  await registerBoard(server, api);
  registerLinks(server, api);
  return server;
}

function openApi(options: ApiOptions): Api {
  const readiness = createReadiness(options);
  const { ctx, processMetrics, passwordCost, hashing = openHashing() } = options;
  const access = { ...ctx, hashing, ...defined({ passwordCost }) };
  const userTallies = cached(() => tallyUsers(ctx.db), USERS_CACHED_MS);
  const metrics = openMetrics({ ctx, readiness, processMetrics });
  return { ...options, access, readiness, metrics, userTallies, countStream: streamCounter() };
}

function serverOptions({ config }: Api): FastifyServerOptions {
  const options = {
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    genReqId: () => randomUUID(),
    // X-Forwarded-For is believed only from a proxy in TRUSTED_PROXIES; any client can send the header.
    trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
    forceCloseConnections: "idle",
    rewriteUrl: routableUrl,
    clientErrorHandler: answerUnparsable,
    // The length of the whole path is limited instead: the router answers a long parameter as if there were no such route.
    routerOptions: { maxParamLength: LONGEST_PATH },
    // `refuseWithoutHost` does it; Node's own answer would be empty.
    ...(config.tls
      ? {
          https: {
            cert: readFileSync(config.tls.certFile),
            key: readFileSync(config.tls.keyFile),
            requireHostHeader: false,
          },
        }
      : { http: { requireHostHeader: false } }),
  };
  return options as FastifyServerOptions;
}

/**
 * Records every route in `routeTable`, and makes `ready()` fail if one has no access rule. The rules are read when all
 * routes are registered, because a plugin's routes get theirs from a hook that runs after this one.
 */
export function requireRules(server: FastifyInstance): void {
  const routeTable: ServedRoute[] = [];
  server.decorate("routeTable", routeTable);
  server.addHook("onRoute", (route) => {
    // For a second URL of a route Fastify passes the same object, changed; method and URL are therefore copied here.
    const { method, url } = route;
    for (const one of [method].flat())
      routeTable.push({
        method: one,
        url,
        get access() {
          return route.config?.access;
        },
      });
  });
  server.addHook("onReady", async () => {
    for (const { method, url, access } of routeTable)
      if (!access) throw new Error(`the route ${method} ${url} has no rule that says who may call it`);
  });
}

/** Registers the checks that every request passes before its body is read: host, rate limit, origin, caller, rule. */
async function protect(server: FastifyInstance, api: Api): Promise<void> {
  const { ctx, config } = api;
  const checkHost = hostCheck(config);
  server.decorateRequest("caller", null);
  // Before anything asks for the client's address.
  server.addHook("onRequest", async ({ raw }) => dropForwardedPorts(raw.headers));
  await server.register(cookie);
  await server.register(helmet, helmetOptions(isSecure(config)));
  server.addHook("onRequest", async (request, reply) => {
    void reply.header("x-request-id", request.id);
    void reply.header("cache-control", "no-store");
    refuseWithoutHost(request.raw);
    if (!request.routeOptions.config.isForMonitors) checkHost(request.host);
  });
  await server.register(rateLimit, {
    global: false,
    max: config.rateLimit,
    timeWindow: "1 minute",
    keyGenerator: ({ ip }) => networkOf(ip),
    errorResponseBuilder: (_request, { after }) =>
      new ApiProblem(429, "too-many-requests", `too many requests; wait ${after}`),
  });
  // Before the caller is looked up, so that a client that guesses sessions cannot load the database.
  server.addHook("onRequest", server.rateLimit());
  limitSites(server, config.rateLimit);
  server.addHook("onRequest", async (request, reply) => {
    const { authorization, origin, "sec-fetch-site": secFetchSite } = request.headers;
    const { access: rule, isForMonitors } = request.routeOptions.config;
    if (!rule || (isForMonitors && rule.role === "public")) return;
    const fetchSite = Array.isArray(secFetchSite) ? secFetchSite[0] : secFetchSite;
    const ownOrigin = config.publicUrl ?? `${request.protocol}://${request.host}`;
    const crossSite = refusalOfOrigin({
      method: request.method,
      ownOrigin,
      origin,
      secFetchSite: fetchSite,
      authorization,
    });
    if (crossSite) throw crossSite;
    const now = ctx.clock();
    request.caller = await callerOf(api, request);
    const refusal = refusalOf(rule, request.caller, now);
    const mustSignIn = refusal?.status === 401 || refusal?.code === "password-must-be-changed";
    const signInPath = mustSignIn ? signInPathFor(request) : null;
    if (signInPath) return reply.redirect(signInPath);
    if (refusal) throw refusal;
  });
}

/** Limits the requests from all networks of a /48 of IPv6 together, which one client may have to itself. */
function limitSites(server: FastifyInstance, rateLimit: number): void {
  const count = server.createRateLimit({
    max: rateLimit * NETWORKS_OF_SITE,
    keyGenerator: ({ ip }) => siteOf(ip) ?? "",
    allowList: (_request, site) => site === "",
  });
  server.addHook("onRequest", async (request, reply) => {
    const counted = await count(request);
    if (counted.isAllowed || !counted.isExceeded) return;
    void reply.header("retry-after", counted.ttlInSeconds);
    throw new ApiProblem(
      429,
      "too-many-requests",
      `too many requests from ${counted.key}; wait ${counted.ttlInSeconds} seconds`,
    );
  });
}

/** The pages load nothing from other hosts. Inline styles are allowed because Swagger UI and Bull Board need them. */
function helmetOptions(isHttps: boolean) {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'", "data:"],
        connectSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    frameguard: { action: "deny" as const },
    strictTransportSecurity: isHttps ? { maxAge: 31_536_000 } : false,
    referrerPolicy: { policy: "same-origin" as const },
  };
}

/** Measures and logs requests by the route's pattern. Path and query are left out, since they may hold names and e-mails. */
function recordRequests(server: FastifyInstance, { ctx, metrics }: Api): void {
  // The server's part of the response time in milliseconds (W3C Server Timing), for browser tools and the benchmark.
  server.addHook("onSend", async (_request, reply) => {
    void reply.header("server-timing", `total;dur=${reply.elapsedTime.toFixed(1)}`);
  });
  server.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    const answered = { method: request.method, route, status: reply.statusCode };
    metrics.observeRequest({ ...answered, seconds: reply.elapsedTime / 1_000 });
    ctx.log.debug({ requestId: request.id, ...answered, ms: Math.round(reply.elapsedTime) }, "request.done");
  });
}
