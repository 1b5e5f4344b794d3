import { type Operation, operations } from "@cpa-payouts/contract";
import { advanceFanOut, completeRun, getRun } from "@cpa-payouts/db";
import { invoicedRun } from "@cpa-payouts/db/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeReady, openTestApi, type SignedIn, type TestApi } from "./api.ts";

/*
 * Sends arbitrary input to every operation, as an admin. No answer may have a status of 500 or above, reveal internals or
 * differ from the document (see api.ts), and a refused request must write nothing.
 */
let api: TestApi;
let admin: SignedIn;

beforeAll(async () => {
  api = await openTestApi({ users: [{ externalId: "a" }, { externalId: "b", method: "pending" }] });
  await makeReady(api);
  const { run } = await invoicedRun({ ctx: api.flow.ctx, database: api.flow.database }, "2026-12-07");
  // Completed, since the progress stream of an unfinished run does not end.
  const { db, clock } = api.flow.ctx;
  await advanceFanOut(db, { runId: run.id, fanOutRound: 0, cursor: 2, finished: true, now: clock() });
  await completeRun(db, await getRun(db, run.id), clock());
  admin = await api.as("admin");
});

afterAll(async () => {
  await api.close();
});

const nasty = fc.constantFrom<unknown>(
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "'; drop table users; --",
  "%",
  "\\",
  "../../etc/passwd",
  "<script>alert(1)</script>",
  "\ud800",
  "𝕊𝕦𝕡𝕖𝕣".repeat(50),
  "x".repeat(3_000),
  "2026-02-30",
  "2026-12-07",
  "9999-12-31",
  "0000-00-00",
  "0000-01-01",
  "0000-01-01T00:00:00Z",
  "-1",
  "1e400",
  "999999999999999.99",
  "9999999999999999999999",
  "NaN",
  "a",
  "b",
  "b@pay.example.com",
  "INV-20261207-1",
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  true,
  null,
  [],
  {},
  { __proto__: null, constructor: { prototype: {} } },
  [[[[]]]],
);
const value = fc.oneof(
  nasty,
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.integer(),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Field names of the contract, so that the input reaches more than the outermost check of the shape. */
const fieldNames = [
  ...new Set(
    Object.values<Operation>(operations).flatMap(({ query, body }) => [
      ...Object.keys(query?.shape ?? {}),
      ...(body && "shape" in body ? Object.keys(body.shape as object) : []),
    ]),
  ),
  "filter",
  "numbers",
  "__proto__",
  "constructor",
];
const object = fc.dictionary(fc.constantFrom(...fieldNames), value, { maxKeys: 6 });
const body = fc.oneof(
  { weight: 4, arbitrary: object },
  value,
  fc.record({ selection: fc.oneof(object, value), verdict: fc.oneof(object, value), token: value }),
);

const text = (sent: unknown) => (typeof sent === "string" ? sent : (JSON.stringify(sent) ?? "undefined"));
/** The beginning of a text, encoded for a URL; a lone surrogate cannot be encoded. */
const urlPart = (sent: unknown) =>
  encodeURIComponent(
    text(sent)
      .slice(0, 280)
      .replace(/\p{Surrogate}/gu, "?"),
  );

const INSIDES = /node_modules|\.ts:\d|\n\s+at |select |insert into|scrypt\$|payouts_[\w-]{20}|password_hash/i;

/** Left out: both would end the session of this test. */
const left = ["signOut", "endSession"];
const fuzzed = Object.entries<Operation>(operations).filter(([name]) => !left.includes(name));

/** A fingerprint of everything that an operation can write, except when the session was last used. */
async function written(): Promise<string> {
  const [row] = await api.flow.database.sql`
    select (select count(*) from audit_log) as audit, (select count(*) from ledger_entries) as entries,
      (select sum(balance_cents) from users) as balances, (select md5(string_agg(i::text, '' order by id)) from invoices i) as invoices,
      (select md5(string_agg(r::text, '' order by id)) from payment_runs r) as runs,
      (select md5(string_agg(m::text, '' order by id)) from payment_methods m) as methods,
      (select md5(string_agg(a::text, '' order by id)) from admins a) as admins,
      (select md5(string_agg(t::text, '' order by id)) from api_tokens t) as tokens,
      (select md5(string_agg(g::text, '' order by id)) from guarded_changes g) as changes, (select s::text from settings s) as settings`;
  return JSON.stringify(row, (_key, field: unknown) => (typeof field === "bigint" ? String(field) : field));
}

describe.each(fuzzed)("%s", (name, { method, path, body: takesBody }) => {
  it(`arbitrary input to ${name} causes no server error, and refused input writes nothing`, async () => {
    const placeholders = path.match(/:\w+/g) ?? [];
    const params = fc.tuple(...placeholders.map(() => value));
    await fc.assert(
      fc.asyncProperty(params, object, body, nasty, async (parameters, query, payload, key) => {
        let index = 0;
        const url = path.replace(/:\w+/g, () => urlPart(parameters[index++]) || "x");
        const search = Object.entries(query).map(([name, sent]) => `${urlPart(name)}=${urlPart(sent)}`);
        const before = await written();
        const response = await api.request({
          method,
          url: `${url}?${search.join("&").slice(0, 2_000)}`,
          headers: {
            ...admin.headers,
            "idempotency-key": encodeURIComponent(text(key).replace(/\p{Surrogate}/gu, "?")).slice(0, 400),
            ...(takesBody ? { "content-type": "application/json" } : {}),
          },
          ...(takesBody ? { payload: JSON.stringify(payload) ?? "" } : {}),
        });
        expect(response.statusCode, response.body).toBeLessThan(500);
        if (response.statusCode < 400) return;
        expect(response.body).not.toMatch(INSIDES);
        expect(response.json()).toMatchObject({ code: expect.any(String), detail: expect.any(String) });
        if (path !== operations.signIn.path && path !== operations.confirmSession.path)
          expect(await written()).toBe(before);
      }),
      { numRuns: 25 },
    );
  });
});

describe("dates and instants beyond those of the database", () => {
  const far = ["0000-01-01", "0000-01-01T00:00:00Z", "9999-12-31", "9999-12-31T23:59:59.999Z", "1899-12-31T23:59:59Z"];

  const fields = Object.values<Operation>(operations).flatMap(({ method, path, query, params }) =>
    method === "GET"
      ? [...Object.keys(query?.shape ?? {}), ...Object.keys(params?.shape ?? {})].map((field) => ({ path, field }))
      : [],
  );
  const request = (path: string, field: string, sent: string) => {
    const filled = path.replace(/:(\w+)/g, (_, name) => (name === field ? encodeURIComponent(sent) : "2026-12-07"));
    return api.request({ url: `${filled}?${field}=${encodeURIComponent(sent)}`, headers: admin.headers });
  };

  it("none in any field of any operation that reads is a failure of the server", async () => {
    expect(fields.length).toBeGreaterThan(40);
    for (const { path, field } of fields)
      for (const sent of far)
        expect((await request(path, field, sent)).statusCode, `${path} ${field}=${sent}`).toBeLessThan(500);
  });

  it("those that are dates or instants are refused by name", async () => {
    const refused = await request("/api/v1/audit-log", "from", "0000-01-01T00:00:00Z");
    expect([refused.statusCode, refused.json().problems]).toEqual([
      400,
      ['query.from: "0000-01-01T00:00:00Z" is not an instant with a year from 1900 to 2999'],
    ]);
  });

  it("a forged cursor with one is not the cursor of any list", async () => {
    for (const path of fields.flatMap(({ path, field }) => (field === "cursor" ? [path] : [])))
      for (const sent of far) {
        const forged = Buffer.from(JSON.stringify({ id: "1", cents: "1", date: sent, at: sent })).toString("base64url");
        expect((await request(path, "cursor", forged)).statusCode, `${path} ${sent}`).toBeLessThan(500);
      }
    const date = Buffer.from('{"date":"0000-01-01"}').toString("base64url");
    expect((await request("/api/v1/runs", "cursor", date)).json().problems).toEqual([
      "query.cursor: it is not the `next` of a page of this list",
    ]);
  });
});

describe("malformed requests", () => {
  const post = (headers: Record<string, string>, payload: string | Buffer) =>
    api.request({
      method: "POST",
      url: operations.createCredit.path,
      headers: { ...admin.headers, "idempotency-key": "k", ...headers },
      payload,
    });

  it.each([
    ["broken JSON", { "content-type": "application/json" }, "{", 400],
    ["poisoned JSON", { "content-type": "application/json" }, '{"__proto__":{"role":"admin"}}', 400],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, "externalId=a&amount=1", 415],
    [
      "plain text, which a form of another site could send",
      { "content-type": "text/plain" },
      '{"externalId":"a"}',
      415,
    ],
    ["XML", { "content-type": "application/xml" }, "<a/>", 415],
    ["no body", { "content-type": "application/json" }, "", 400],
  ])("a malformed body is refused: %s", async (_what, headers, payload, status) => {
    const response = await post(headers, payload);
    expect(response.statusCode, response.body).toBe(status);
    expect(response.json()).toMatchObject({ code: expect.any(String), detail: expect.any(String) });
  });

  it("a body above the size limit is refused", async () => {
    const response = await post({ "content-type": "application/json" }, JSON.stringify({ note: "x".repeat(70_000) }));
    expect(response.statusCode).toBe(413);
    expect(response.json().code).toBe("too-large");
  });

  it.each(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const)(
    "%s to an unknown path gets a 404 without CORS headers",
    async (method) => {
      const response = await api.request({ method, url: "/api/v1/nowhere", headers: admin.headers });
      expect(response.statusCode).toBe(404);
      expect(response.json().code).toBe("not-found");
      expect(response.headers["access-control-allow-origin"]).toBeUndefined();
    },
  );
});

describe("headers of answers", () => {
  it("every response has headers that exclude other sites and outside hosts", async () => {
    const { headers } = await api.request({ url: "/api/v1/session" });
    expect(headers["content-security-policy"]).toBe(
      "default-src 'self';script-src 'self';style-src 'self' 'unsafe-inline';img-src 'self' data:;font-src 'self' data:;connect-src 'self';object-src 'none';base-uri 'self';form-action 'self';frame-ancestors 'none'",
    );
    expect(headers).toMatchObject({
      "x-frame-options": "DENY",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "referrer-policy": "same-origin",
    });
    expect(headers["strict-transport-security"]).toBeUndefined();
    expect(headers["x-request-id"]).toMatch(/^[\da-f-]{36}$/);
  });

  it("the request's id cannot be chosen by the client", async () => {
    const { headers } = await api.request({
      url: "/api/v1/session",
      headers: { "x-request-id": "mine", "request-id": "mine" },
    });
    expect(headers["x-request-id"]).not.toBe("mine");
  });
});

describe("security.txt", () => {
  it("security.txt names the contact, and does not exist without one", async () => {
    const url = "/.well-known/security.txt";
    expect((await api.request({ url })).statusCode).toBe(404);
    const other = await openTestApi({ config: { securityContact: "mailto:security@example.com" } });
    const response = await other.request({ url });
    expect(response.body).toBe("Contact: mailto:security@example.com\nExpires: 2027-12-07T12:00:00.000Z\n");
    await other.close();
  });
});

describe("rate limit", () => {
  it("requests over the limit are refused for one client and not for another", async () => {
    const busy = await openTestApi({ config: { rateLimit: 3 } });
    const { headers } = await busy.as("viewer");
    const statuses = [];
    for (let index = 0; index < 4; index++)
      statuses.push((await busy.request({ url: "/api/v1/session", headers })).statusCode);
    expect(statuses).toEqual([200, 200, 200, 429]);
    const other = await busy.request({ url: "/api/v1/session", headers, remoteAddress: "192.0.2.9" });
    expect(other.statusCode).toBe(200);
    await busy.close();
  });
});
