import type { AccessRule } from "@cpa-payouts/contract";
import Fastify from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONFIRMED_FOR_MS } from "../src/access/rules.ts";
import { requireRules } from "../src/server.ts";
import { makeReady, openTestApi, type TestApi } from "./api.ts";

/**
 * The access rules, written down a second time on purpose: a changed rule or a new route must be entered here as well. The
 * columns are method, path, role, scope for tokens, and whether the password must be fresh.
 */
const EXPECTED = `
GET    /api/v1/admins                            admin     -                  -
POST   /api/v1/admins                            admin     -                  fresh
PATCH  /api/v1/admins/:email                     admin     -                  fresh
POST   /api/v1/admins/:email/password            admin     -                  fresh
DELETE /api/v1/admins/:email/second-factor       admin     -                  fresh
POST   /api/v1/adjustments                       admin     adjustments:write  fresh
GET    /api/v1/audit-log                         viewer    audit:read         -
GET    /api/v1/calendar                          viewer    runs:read          -
GET    /api/v1/calendar.ics                      viewer    runs:read          -
GET    /api/v1/changes                           admin     -                  -
POST   /api/v1/changes/:id/confirmation          admin     -                  fresh
POST   /api/v1/changes/:id/stop                  admin     -                  -
POST   /api/v1/credits                           operator  credits:write      -
GET    /api/v1/dashboard                         viewer    invoices:read      -
GET    /api/v1/invoices                          viewer    invoices:read      -
GET    /api/v1/invoices.csv                      viewer    invoices:read      -
GET    /api/v1/invoices/:number                  viewer    invoices:read      -
POST   /api/v1/invoices/review                   operator  invoices:review    -
POST   /api/v1/invoices/review/preview           operator  invoices:review    -
GET    /api/v1/invoices/totals                   viewer    invoices:read      -
GET    /api/v1/methods                           viewer    methods:read       -
GET    /api/v1/preview                           viewer    runs:read          -
GET    /api/v1/runs                              viewer    runs:read          -
POST   /api/v1/runs                              operator  runs:write         fresh
GET    /api/v1/runs/:date                        viewer    runs:read          -
POST   /api/v1/runs/:date/cancel                 operator  runs:write         fresh
GET    /api/v1/runs/:date/decisions              viewer    runs:read          -
GET    /api/v1/runs/:date/progress               viewer    runs:read          -
POST   /api/v1/runs/:date/resume                 operator  runs:write         -
POST   /api/v1/runs/:date/retry                  operator  runs:write         -
POST   /api/v1/session                           public    -                  -
GET    /api/v1/session                           viewer    -                  -
DELETE /api/v1/session                           viewer    -                  -
POST   /api/v1/session/confirmation              viewer    -                  -
PUT    /api/v1/session/password                  viewer    -                  fresh
POST   /api/v1/session/second-factor             viewer    -                  fresh
PUT    /api/v1/session/second-factor             viewer    -                  fresh
DELETE /api/v1/session/second-factor             viewer    -                  fresh
GET    /api/v1/sessions                          viewer    -                  -
DELETE /api/v1/sessions/:id                      viewer    -                  -
GET    /api/v1/settings                          viewer    -                  -
PATCH  /api/v1/settings                          admin     -                  fresh
GET    /api/v1/tokens                            admin     -                  -
POST   /api/v1/tokens                            admin     -                  fresh
DELETE /api/v1/tokens/:name                      admin     -                  fresh
GET    /api/v1/users                             viewer    users:read         -
GET    /api/v1/users/:externalId                 viewer    users:read         -
GET    /api/v1/users/:externalId/ledger          viewer    users:read         -
POST   /api/v1/users/:externalId/method/review   operator  methods:review     -
POST   /api/v1/users/:externalId/status          admin     users:write        -
GET    /api/v1/users/:externalId/why             viewer    users:read         -
GET    /livez                                    public    -                  -
GET    /metrics                                  viewer    metrics:read       -
GET    /readyz                                   public    -                  -
`;

interface ExpectedRoute {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly role: AccessRule["role"];
  readonly scope: string | null;
  readonly isSensitive: boolean;
}

const expectedRoutes = EXPECTED.trim()
  .split("\n")
  .map((line): ExpectedRoute => {
    const [method, url = "", role, scope, fresh] = line.split(/\s+/);
    return {
      method: method as ExpectedRoute["method"],
      url,
      role: role as ExpectedRoute["role"],
      scope: scope === "-" ? null : (scope ?? null),
      isSensitive: fresh === "fresh",
    };
  });

let api: TestApi;

beforeAll(async () => {
  api = await openTestApi();
  // Makes /readyz answer 200.
  await makeReady(api);
});

afterAll(async () => {
  await api.close();
});

/** A path whose parameters match no stored row, so that an admitted request changes nothing. */
const pathOf = (url: string) => url.replace(":date", "2020-01-06").replace(":id", "999999").replace(/:\w+/g, "unknown");

async function statusOf({ method, url }: ExpectedRoute, headers: Readonly<Record<string, string>>) {
  const response = await api.request({ method, url: pathOf(url), headers });
  return { status: response.statusCode, code: response.statusCode < 400 ? null : response.json().code };
}

/** The end of a title: which tokens a route admits. */
function tokensAdmitted({ role, scope }: ExpectedRoute): string {
  if (role === "public") return "admits every token";
  return scope === null ? "refuses every token" : `admits only tokens with the scope ${scope}`;
}

const ranks = { public: 0, viewer: 1, operator: 2, admin: 3 } as const;

describe("route table", () => {
  it("the routes have exactly the access rules that are listed in this test", () => {
    const actual = api.server.routeTable
      .filter(({ method, url }) => method !== "HEAD" && /^\/(api\/|livez|readyz|metrics)/.test(url))
      .map(({ method, url, access }) => ({
        method,
        url,
        role: access?.role,
        scope: access?.scope,
        isSensitive: access?.isSensitive ?? false,
      }));
    const sorted = <T extends { url: string; method: string }>(routes: readonly T[]) =>
      [...routes].sort((a, b) => `${a.url} ${a.method}`.localeCompare(`${b.url} ${b.method}`));
    expect(sorted(actual)).toEqual(sorted(expectedRoutes));
  });

  it("a server with a route without an access rule does not start", async () => {
    const server = Fastify();
    requireRules(server);
    server.get("/forgotten", async () => "hello");
    await expect(server.ready()).rejects.toThrow("the route GET /forgotten has no rule that says who may call it");
  });
});

describe.each(expectedRoutes.map((route) => [`${route.method} ${route.url}`, route] as const))("%s", (name, route) => {
  const { role, scope, isSensitive } = route;
  const verdicts = (["viewer", "operator", "admin"] as const).map(
    (present) => [ranks[present] < ranks[role] ? "refuses" : "admits", present] as const,
  );

  it(`${name} ${role === "public" ? "admits" : "refuses"} a caller who is not signed in`, async () => {
    const { status, code } = await statusOf(route, api.anonymous.headers);
    if (role === "public") expect([400, 200]).toContain(status);
    else expect({ status, code }).toEqual({ status: 401, code: "signed-out" });
  });

  it.each(verdicts)(`${name} %s the role %s`, async (_verdict, present) => {
    const { headers } = await api.as(present);
    const { status, code } = await statusOf(route, headers);
    if (ranks[present] < ranks[role]) expect({ status, code }).toEqual({ status: 403, code: "forbidden" });
    else expect([200, 204, 400, 404]).toContain(status);
  });

  it(`${name} ${isSensitive ? "asks" : "does not ask"} an admin for their password again after 15 minutes`, async () => {
    const { headers } = await api.as("admin", { confirmedMs: CONFIRMED_FOR_MS + 1 });
    const { status, code } = await statusOf(route, headers);
    if (isSensitive) expect({ status, code }).toEqual({ status: 403, code: "confirmation-required" });
    else expect([200, 204, 400, 404]).toContain(status);
  });

  it(`${name} ${tokensAdmitted(route)}`, async () => {
    const others = ["invoices:read", "runs:read"].filter((other) => other !== scope);
    const without = await api.withToken(...others);
    const refused = await statusOf(route, without.headers);
    if (role === "public") expect([400, 200]).toContain(refused.status);
    else expect(refused).toEqual({ status: 403, code: "forbidden" });
    if (scope === null) return;
    const { headers } = await api.withToken(scope);
    expect([200, 204, 400, 404]).toContain((await statusOf(route, headers)).status);
  });

  it(`${name} ${route.method === "GET" ? "does not look at the page that requests it" : "refuses requests of a foreign page"}`, async () => {
    const { headers } = await api.as("admin");
    const { origin: _origin, "sec-fetch-site": _site, ...bare } = headers as Record<string, string>;
    const forged = [
      { ...bare, origin: "https://evil.example.com", "sec-fetch-site": "cross-site" },
      { ...bare, origin: "https://evil.example.com" },
      { ...bare, origin: "null" },
      { ...bare, "sec-fetch-site": "same-site" },
      { ...bare, origin: "http://localhost", "sec-fetch-site": "cross-site" },
      bare,
    ];
    for (const attempt of forged) {
      const { status, code } = await statusOf(route, attempt);
      if (route.method === "GET") expect(status).not.toBe(403);
      else expect({ status, code }).toEqual({ status: 403, code: "cross-site" });
    }
  });
});
