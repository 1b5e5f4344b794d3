import vm from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApi, type TestApi } from "./api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await openTestApi();
});

afterAll(() => api.close());

const browser = { accept: "text/html,application/xhtml+xml", host: "localhost" };

describe("redirect to the sign-in page", () => {
  it.each(["/", "/docs/", "/queues", "/queues/queue/invoices?status=failed", "/go/user/1"])(
    "a browser that opens %s without being signed in is redirected to the sign-in page",
    async (url) => {
      const response = await api.request({ url, headers: browser });
      expect(response.statusCode).toBe(302);
      expect(response.headers.location).toBe(`/sign-in?next=${encodeURIComponent(url)}`);
    },
  );

  it.each([
    ["the API", { url: "/api/v1/invoices", headers: browser }],
    ["a script", { url: "/queues/api/queues", headers: { host: "localhost", accept: "application/json" } }],
    ["a change", { method: "DELETE", url: "/api/v1/session", headers: { ...browser, origin: "http://localhost" } }],
  ] as const)("a request that is not signed in gets a 401 and no redirect: %s", async (_what, request) => {
    expect((await api.request(request)).statusCode).toBe(401);
  });

  it("a signed-in browser whose role is not sufficient gets a 403 and no redirect", async () => {
    const { headers } = await api.as("viewer");
    const response = await api.request({ url: "/api/v1/admins", headers: { ...headers, ...browser } });
    expect(response.statusCode).toBe(403);
  });
});

describe("pages of the API", () => {
  it("the sign-in page loads nothing from other hosts, and its script has no syntax error", async () => {
    const page = await api.request({ url: "/sign-in?next=/queues", headers: browser });
    expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(page.body).not.toMatch(/https?:|<script>| on\w+="|queues/);
    const script = await api.request({ url: "/sign-in.js" });
    expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect(() => new vm.Script(script.body)).not.toThrow();
  });

  it.each([
    ["/queues?status=failed", "http://localhost/queues?status=failed"],
    ["http://[", "/"],
    ["http://localhost/queues", "/"],
    ["https://example.com/", "/"],
    ["//example.com", "/"],
    ["/\\\\example.com", "/"],
    ["/\t/example.com", "/"],
    ["/.//example.com", "http://localhost//example.com"],
    ["javascript:alert(1)", "/"],
    [null, "/"],
  ])("after signing in with next=%s the browser goes on to a page of this server only: %s", async (next, page) => {
    const { body } = await api.request({ url: "/sign-in.js" });
    const search = next === null ? "" : `?next=${encodeURIComponent(next)}`;
    expect(await pageAfterSignIn(body, search)).toMatchObject({ page });
  });

  it("a person with an issued password is asked for another one before the browser goes on", async () => {
    const { body } = await api.request({ url: "/sign-in.js" });
    expect(await pageAfterSignIn(body, "?next=/queues", { mustChangePassword: true })).toEqual({
      page: "http://localhost/queues",
      requests: ["POST /api/v1/session", "PUT /api/v1/session/password"],
    });
  });

  it("every link of the home page leads to a page", async () => {
    const { headers } = await api.as("viewer");
    const home = await api.request({ url: "/", headers: { ...headers, ...browser } });
    expect(home.statusCode).toBe(200);
    for (const [, href] of home.body.matchAll(/href="([^"]+)"/g))
      expect((await api.request({ url: href ?? "", headers: { ...headers, ...browser } })).statusCode).toBe(200);
  });
});

/** Runs the script of the sign-in page in a browser of a few lines, submits its form until a page is opened, and returns which. */
async function pageAfterSignIn(
  script: string,
  search: string,
  session = { mustChangePassword: false },
): Promise<{ page: string; requests: readonly string[] }> {
  let submit = async (_event: unknown) => {};
  const element = {
    value: "",
    focus: () => {},
    addEventListener: (_name: string, listener: typeof submit) => {
      submit = listener;
    },
  };
  const requests: string[] = [];
  const opened: string[] = [];
  vm.runInNewContext(script, {
    URL,
    URLSearchParams,
    document: { getElementById: () => element },
    location: { origin: "http://localhost", search, assign: (page: string) => opened.push(page) },
    fetch: async (url: string, { method }: { method: string }) => {
      requests.push(`${method} ${url}`);
      return { ok: true, json: async () => session };
    },
  });
  while (opened.length === 0 && requests.length < 3)
    await submit({ preventDefault: () => {}, target: { querySelector: () => element } });
  return { page: opened[0] ?? "", requests };
}
