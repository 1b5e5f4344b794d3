import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { listAuditLog } from "@cpa-payouts/db";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installedAssets } from "../src/index.ts";
import type { ServedRoute } from "../src/server.ts";
import { browserHeaders, openTestApi, type TestApi } from "./api.ts";

/**
 * The routes that every signed-in administrator may read, and the status that an operator gets for each permitted change
 * in an empty system. Every other route is refused to every role.
 */
const PAGES = ["", "/metrics-history", "/job-schedulers", "/queue/:queueName", "/queue/:queueName/:jobId"];
const READS = [
  "/api/redis/stats",
  "/api/queues",
  "/api/job-schedulers",
  "/api/queues/:queueName/metrics",
  "/api/queues/:queueName/default-job-options",
  "/api/queues/:queueName/workers",
  "/api/queues/:queueName/rate-limit",
  "/api/queues/:queueName/job-data-schema",
  "/api/queues/:queueName/:jobId/logs",
  "/api/queues/:queueName/:jobId/flow",
  "/api/queues/:queueName/:jobId",
];
const READABLE = new Set(["/", "/static/*", ...PAGES, ...READS]);
const CHANGES: Readonly<Record<string, number>> = {
  "PUT /api/queues/:queueName/:jobId/retry": 409,
  "PUT /api/queues/:queueName/:jobId/promote": 409,
  "PUT /api/queues/:queueName/retry/:queueStatus": 200,
};

const EXAMPLES: Readonly<Record<string, string>> = {
  ":queueName": "invoices",
  ":jobId": "invoice-1-1",
  ":queueStatus": "failed",
  ":schedulerId": "tick-daily",
  "*": "images/logo.svg",
};

type Route = Pick<ServedRoute, "method" | "url">;

let api: TestApi;
let routes: readonly Route[];
let headersOf: Readonly<Record<string, Readonly<Record<string, string>>>>;

beforeAll(async () => {
  api = await openTestApi();
  routes = api.server.routeTable.filter(({ url }) => url.startsWith("/queues"));
  await api.flow.ctx.queues.enqueue("create-invoice", { runId: 1, userId: 1 });
  headersOf = {
    "without a session": browserHeaders,
    viewer: (await api.as("viewer")).headers,
    operator: (await api.as("operator")).headers,
    admin: (await api.as("admin")).headers,
    token: (await api.withToken("runs:write", "runs:read", "users:read")).headers,
  };
});

afterAll(() => api.close());

const keyOf = ({ method, url }: Route) => `${method} ${url.slice("/queues".length)}`;
const exampleOf = ({ url }: Route) => url.replace(/:\w+|\*/g, (part) => EXAMPLES[part] ?? part);

async function ask(route: Route, who: string, headers: Record<string, string> = {}) {
  const { method } = route;
  return api.request({
    method: method as "GET",
    url: exampleOf(route),
    headers: { ...headersOf[who], ...headers },
    ...(method === "GET" || method === "HEAD" ? {} : { payload: {} }),
  });
}

function expectedStatus(route: Route, who: string): number {
  if (who === "without a session") return 401;
  if (who === "token") return 403;
  const isRead = route.method === "GET" || route.method === "HEAD";
  if (isRead && READABLE.has(route.url.slice("/queues".length))) return 200;
  return (who === "viewer" ? undefined : CHANGES[keyOf(route)]) ?? 403;
}

describe("board access", () => {
  it("the board has every route that these tests ask for", () => {
    const found = new Set(routes.map(keyOf));
    for (const known of [...PAGES, ...READS, "/static/*"]) expect(found).toContain(`GET ${known}`);
    for (const known of Object.keys(CHANGES)) expect(found).toContain(known);
  });

  it.each(["without a session", "viewer", "operator", "admin", "token"])(
    "every route of the board admits or refuses a caller by its rule: %s",
    async (who) => {
      const responses = new Map<string, number>();
      const expected = new Map<string, number>();
      for (const route of routes) {
        responses.set(keyOf(route), (await ask(route, who)).statusCode);
        expected.set(keyOf(route), expectedStatus(route, who));
      }
      expect(Object.fromEntries(responses)).toEqual(Object.fromEntries(expected));
    },
  );

  it("the board refuses with a response that its page can show", async () => {
    const response = await ask({ method: "PUT", url: "/queues/api/queues/:queueName/obliterate" }, "admin");
    expect(response.json()).toMatchObject({
      code: "forbidden",
      error: "forbidden",
      detail: "the board retries failed jobs and promotes delayed ones, nothing else",
    });
  });

  it("a change on the board requested by a foreign page is refused even with an admin's session", async () => {
    const forgeries = [
      { origin: "https://evil.example.com", "sec-fetch-site": "cross-site" },
      { origin: "https://evil.example.com" },
      { "sec-fetch-site": "same-site" },
      { origin: "null" },
    ];
    for (const route of routes.filter(({ method }) => method !== "GET" && method !== "HEAD"))
      for (const forgery of forgeries) {
        const response = await ask(route, "admin", forgery);
        expect([keyOf(route), response.statusCode, response.json().code]).toEqual([keyOf(route), 403, "cross-site"]);
      }
  });

  it("requests that the board refuses change nothing and are not in the audit log", async () => {
    const { ctx } = api.flow;
    expect(await ctx.queues.bullmq.invoices.getJobCounts("waiting", "delayed", "failed")).toMatchObject({ waiting: 1 });
    const actions = (await listAuditLog(ctx.db, {}, { limit: 100 })).map(({ action, object }) => `${action} ${object}`);
    const recorded = actions.filter((action) => action.startsWith("job"));
    // The operator and the admin each retried all failed jobs, of which there are none.
    const twice = ["jobs.retry queue:invoices", "jobs.retry-requested queue:invoices"];
    expect(recorded).toEqual([...twice, ...twice]);
  });
});

describe("board page", () => {
  it("the board's page loads nothing from other hosts", async () => {
    const page = (await ask({ method: "GET", url: "/queues" }, "viewer")).body;
    expect(page).toContain('<base href="/queues/" />');
    expect((await ask({ method: "GET", url: "/queues/" }, "viewer")).body).toBe(page);
    expect(page).not.toMatch(/(href|src)="(https?:)?\/\//);
    expect(page).not.toContain("fonts.g");
    const styles = path.join(installedAssets().board, "dist", "static", "css");
    const files = (await readdir(styles, { recursive: true })).filter((file) => file.endsWith(".css"));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const css = await readFile(path.join(styles, file), "utf8");
      expect(css).not.toMatch(/@import|url\(["']?(https?:)?\/\//);
    }
  });

  it("the board shows buttons to operators and admins, and none to viewers", async () => {
    const shown = async (who: string) =>
      (await ask({ method: "GET", url: "/queues/api/queues" }, who)).json().queues[0];
    expect(await shown("viewer")).toMatchObject({ readOnlyMode: true, allowRetries: false });
    const buttons = { readOnlyMode: false, allowRetries: true, allowCompletedRetries: false };
    expect(await shown("operator")).toMatchObject(buttons);
    expect(await shown("admin")).toMatchObject(buttons);
  });

  it("the icons by which the page hides refused buttons exist in Bull Board's scripts", async () => {
    const scripts = path.join(installedAssets().board, "dist", "static", "js");
    const files = (await readdir(scripts, { recursive: true })).filter((file) => file.endsWith(".js"));
    const code = (await Promise.all(files.map((file) => readFile(path.join(scripts, file), "utf8")))).join("\n");
    const page = (await ask({ method: "GET", url: "/queues" }, "operator")).body;
    const icons = [...page.matchAll(/\.lucide-([a-z0-9-]+)/g)].map(([, icon]) => icon);
    expect(icons.length).toBeGreaterThan(0);
    for (const icon of icons) expect(code).toContain(`("${icon}"`);
    for (const name of ["jobActions-", "queueActions-"]) expect(code).toContain(`className:"${name}`);
  });

  it("the package of the board's page has the version of the board's API package", () => {
    const load = createRequire(import.meta.url);
    const ours: Record<string, string> = load("../package.json").dependencies;
    const page = load("@bull-board/ui/package.json");
    expect(page.version).toBe(ours["@bull-board/api"]);
    expect(page.dependencies["@bull-board/api"]).toBe(ours["@bull-board/api"]);
  });
});
