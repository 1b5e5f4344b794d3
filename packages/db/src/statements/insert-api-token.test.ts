import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listApiTokens } from "../reads/api-tokens.ts";
import { addApiToken } from "../testing/access.ts";
import { openTestData, type TestData } from "../testing/index.ts";

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
});
