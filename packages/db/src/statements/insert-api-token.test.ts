import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listApiTokens } from "../reads/api-tokens.ts";
import { addApiToken, after, audit, NOW } from "../testing/access.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { insertApiToken } from "./insert-api-token.ts";
import { markApiTokenRevoked } from "./mark-api-token-revoked.ts";
import { touchApiToken } from "./touch-api-token.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

describe("creation of an API token", () => {
  it("a name has at most one token, and a second one leaves the first as it is", async () => {
    expect(await addApiToken(data, "erp", "h1")).toBe(true);
    const first = await listApiTokens(data.ctx.db);
    expect(await addApiToken(data, "erp", "h2")).toBe(false);
    expect(await listApiTokens(data.ctx.db)).toEqual(first);
  });

  it("tokens that replace each other have the keys of the first, also after it was revoked", async () => {
    const { db } = data.ctx;
    const add = (name: string, replacesId: number | null) =>
      insertApiToken(db, {
        ...audit,
        name,
        tokenHash: name,
        scopes: ["credits:write"],
        replacesId,
        expiresAt: after(1),
      });
    await add("other", null);
    await add("first", null);
    await markApiTokenRevoked(db, { ...audit, name: "first" });
    await add("second", 2);
    await add("third", 3);
    await add("twin", 2);
    const found = [];
    for (const hash of ["other", "second", "third", "twin"]) found.push(await touchApiToken(db, hash, NOW));
    expect(found.map((token) => token?.keyOwnerId)).toEqual([1, 2, 2, 2]);
    const tokens = await listApiTokens(db);
    expect(tokens.map(({ replacesId }) => replacesId)).toEqual([null, null, 2, 3, 2]);
    const entries = await data.database
      .sql`select object, after->'replaces' as replaces from audit_log where action = 'token.create' order by id`;
    expect([...entries]).toEqual([
      { object: "token:other", replaces: null },
      { object: "token:first", replaces: null },
      { object: "token:second", replaces: "first" },
      { object: "token:third", replaces: "second" },
      { object: "token:twin", replaces: "first" },
    ]);
  });
});
