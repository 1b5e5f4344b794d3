import { importNetwork } from "@cpa-payouts/db/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserHeaders, openTestApi, type SignedIn, type TestApi } from "./api.ts";

let api: TestApi;
let admin: SignedIn;

beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as("admin");
});

afterAll(() => api.close());

const SQLSTATE = /SQLSTATE|22021|invalid byte sequence|\b[0-9A-Z]{5}\b.*error/;

/** Headers that differ from one request to the next. */
const ownHeaders = ["x-request-id", "server-timing", "date", "content-length", "etag", "last-modified"];

function headersOf(response: { headers: Record<string, unknown> }): string[] {
  return Object.keys(response.headers).filter((name) => !ownHeaders.includes(name) && !name.startsWith("x-ratelimit"));
}

describe("addresses that cannot be routed", () => {
  it("a null byte in any parameter of any route is answered with 400", async () => {
    const withParameters = api.server.routeTable.filter(({ url }) => /[:*]/.test(url));
    expect(withParameters.length).toBeGreaterThan(30);
    for (const { method, url } of withParameters) {
      const address = url.replace(/:\w+|\*/g, "%00");
      const response = await api.request({ method: method as "GET", url: address, headers: admin.headers });
      expect([method, url, response.statusCode]).toEqual([method, url, 400]);
      expect(response.body).not.toMatch(SQLSTATE);
    }
  });

  it("a null byte in the query of any route is answered with 400", async () => {
    for (const { method, url } of api.server.routeTable) {
      const address = `${url.replace(/:\w+|\*/g, "1")}?search=%00`;
      const response = await api.request({ method: method as "GET", url: address, headers: admin.headers });
      expect([method, url, response.statusCode]).toEqual([method, url, 400]);
    }
  });

  it.each([
    ["/api/v1/users/%", 400, "bad-request"],
    ["/api/v1/users/%ed%a0%80", 400, "bad-request"],
    ["/queues/api/queues/ticks/%00", 400, "bad-request"],
    [`/api/v1/users/${"x".repeat(5_000)}`, 414, "too-long"],
    ["/api/v1/nowhere", 404, "not-found"],
  ])("a refused address gets the headers of every response and is not repeated: %s", async (url, status, code) => {
    const response = await api.request({ url, headers: { ...admin.headers, host: "localhost" } });
    expect(response.statusCode).toBe(status);
    expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    const { instance, ...problem } = response.json();
    expect(problem).toMatchObject({ type: `urn:cpa-payouts:problem:${code}`, status, code });
    expect(instance).toBe(response.headers["x-request-id"]);
    expect(response.body).not.toContain(url.slice(-6));
    const usual = await api.request({ url: "/api/v1/session", headers: admin.headers });
    expect(headersOf(response)).toEqual(expect.arrayContaining(headersOf(usual)));
  });

  it("a refused address under a foreign host name is answered like any other request under that name", async () => {
    const headers = { ...browserHeaders, host: "evil.example.com" };
    expect((await api.request({ url: "/api/v1/users/%", headers })).statusCode).toBe(421);
  });
});

describe("text that cannot be stored", () => {
  it.each([
    ["a null character", "a\0b"],
    ["half a surrogate pair", "a\ud800b"],
  ])("%s anywhere in a body is refused, and the place is named", async (_what, text) => {
    const response = await api.request({
      method: "POST",
      url: "/api/v1/credits",
      headers: { ...admin.headers, "idempotency-key": "k", "content-type": "application/json" },
      payload: JSON.stringify({ externalId: "a", amount: "1.00", note: text }),
    });
    expect(response.statusCode).toBe(400);
    expect(response.json().problems).toEqual(["body.note: it has a null character or half a surrogate pair"]);
  });
});

describe("users of earlier versions", () => {
  it.each([
    ["a right-to-left override", "user\u202e1"],
    ["a control character", "user\u001b1"],
    ["320 characters, each of three bytes", "€".repeat(320)],
  ])("a user whose id has %s can be read, suspended and credited, and links lead to them", async (_what, id) => {
    const { sql } = api.flow.database;
    await importNetwork(api.flow.ctx, [{ externalId: "old" }]);
    const [user] = await sql<{ id: number }[]>`
      update users set external_id = ${id} where external_id = 'old' returning id::int`;
    expect((await admin.readUser({ params: { externalId: id } })).externalId).toBe(id);
    const params = { externalId: id };
    expect(await admin.changeUserStatus({ params, body: { status: "suspended", reason: "test" } })).toMatchObject({
      externalId: id,
      status: "suspended",
    });
    await admin.createCredit({
      headers: { "idempotency-key": id.slice(0, 2) + user?.id },
      body: { externalId: id, amount: "1.00" },
    });
    const link = await api.request({ url: `/go/user/${user?.id}`, headers: admin.headers });
    const target = await api.request({ url: String(link.headers.location), headers: admin.headers });
    expect([link.statusCode, target.statusCode]).toEqual([302, 200]);
  });
});

describe("bodies of brackets", () => {
  it("a body that is nested 30,000 levels deep is bad input", async () => {
    const response = await api.request({
      method: "POST",
      url: "/api/v1/credits",
      headers: { ...admin.headers, "idempotency-key": "k", "content-type": "application/json" },
      payload: "[".repeat(30_000) + "]".repeat(30_000),
    });
    expect([response.statusCode, response.json().code]).toEqual([400, "bad-input"]);
  });
});

describe("failures of the database that the input did not cause", () => {
  it("a data error of the database is answered with 500 without its words, and logged with its SQLSTATE", async () => {
    const { sql } = api.flow.database;
    await sql.unsafe(`create function divide() returns trigger language plpgsql as 'begin perform 1 / 0; return new; end';
      create trigger divide before update on settings for each row execute function divide()`);
    const response = await api.request({
      method: "PATCH",
      url: "/api/v1/settings",
      headers: { ...admin.headers, "content-type": "application/json" },
      payload: JSON.stringify({ reviewAlertDays: 5 }),
    });
    await sql.unsafe("drop trigger divide on settings");
    expect(response.statusCode).toBe(500);
    expect(response.json()).toMatchObject({ code: "unexpected", instance: response.headers["x-request-id"] });
    expect(response.body).not.toMatch(/division|22012/);
    expect(JSON.stringify(api.flow.log.of("request.failed"))).toContain("SQLSTATE 22012");
  });
});
