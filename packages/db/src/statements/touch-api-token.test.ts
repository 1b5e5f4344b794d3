import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listApiTokens } from "../reads/api-tokens.ts";
import { addApiToken, after, audit, NOW } from "../testing/access.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { markApiTokenRevoked } from "./mark-api-token-revoked.ts";
import { touchApiToken } from "./touch-api-token.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

describe("use of an API token", () => {
  it("a token is found until it expires or is revoked", async () => {
    expect(await addApiToken(data, "erp", "h1")).toBe(true);
    expect(await addApiToken(data, "erp", "h2")).toBe(false);
    expect(await touchApiToken(data.ctx.db, "h1", NOW)).toEqual({
      name: "erp",
      scopes: ["credits:write"],
      keyOwnerId: 1,
      creatorRole: null,
      isCreatorDisabled: false,
    });
    expect(await touchApiToken(data.ctx.db, "h2", NOW)).toBeNull();
    expect(await touchApiToken(data.ctx.db, "h1", after(1_000))).toBeNull();
    expect(await markApiTokenRevoked(data.ctx.db, { ...audit, name: "erp" })).toBe(true);
    expect(await markApiTokenRevoked(data.ctx.db, { ...audit, name: "erp" })).toBe(false);
    expect(await touchApiToken(data.ctx.db, "h1", NOW)).toBeNull();
  });

  it("the last use of a token is recorded at most once a minute", async () => {
    await addApiToken(data, "erp", "h1");
    const lastUse = async () => (await listApiTokens(data.ctx.db))[0]?.lastUsedAt;
    expect(await lastUse()).toBeNull();
    await touchApiToken(data.ctx.db, "h1", NOW);
    await touchApiToken(data.ctx.db, "h1", after(500));
    expect(await lastUse()).toEqual(NOW);
  });
});
