import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listApiTokens } from "../reads/api-tokens.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { insertApiToken } from "./insert-api-token.ts";

const NOW = new Date("2026-12-07T12:00:00Z");
const after = (ms: number) => new Date(NOW.getTime() + ms);
const audit = { actor: "root", requestId: "r-1", clientAddress: "192.0.2.1", now: NOW };

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

const create = (name: string, tokenHash: string) =>
  insertApiToken(data.ctx.db, { ...audit, name, tokenHash, scopes: ["credits:write"], expiresAt: after(1_000) });

describe("creation of an API token", () => {
  it("a name has at most one token, and a second one leaves the first as it is", async () => {
    expect(await create("erp", "h1")).toBe(true);
    const first = await listApiTokens(data.ctx.db);
    expect(await create("erp", "h2")).toBe(false);
    expect(await listApiTokens(data.ctx.db)).toEqual(first);
  });
});
