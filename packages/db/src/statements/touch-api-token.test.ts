import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listApiTokens } from "../reads/api-tokens.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { insertApiToken } from "./insert-api-token.ts";
import { markApiTokenRevoked } from "./mark-api-token-revoked.ts";
import { touchApiToken } from "./touch-api-token.ts";

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

describe("use of an API token", () => {
  it("a token is found until it expires or is revoked", async () => {
    expect(await create("erp", "h1")).toBe(true);
    expect(await create("erp", "h2")).toBe(false);
    expect(await touchApiToken(data.ctx.db, "h1", NOW)).toEqual({ name: "erp", scopes: ["credits:write"] });
    expect(await touchApiToken(data.ctx.db, "h2", NOW)).toBeNull();
    expect(await touchApiToken(data.ctx.db, "h1", after(1_000))).toBeNull();
    expect(await markApiTokenRevoked(data.ctx.db, { ...audit, name: "erp" })).toBe(true);
    expect(await markApiTokenRevoked(data.ctx.db, { ...audit, name: "erp" })).toBe(false);
    expect(await touchApiToken(data.ctx.db, "h1", NOW)).toBeNull();
  });

  it("the last use of a token is recorded at most once a minute", async () => {
    await create("erp", "h1");
    const lastUse = async () => (await listApiTokens(data.ctx.db))[0]?.lastUsedAt;
    expect(await lastUse()).toBeNull();
    await touchApiToken(data.ctx.db, "h1", NOW);
    await touchApiToken(data.ctx.db, "h1", after(500));
    expect(await lastUse()).toEqual(NOW);
  });
});
