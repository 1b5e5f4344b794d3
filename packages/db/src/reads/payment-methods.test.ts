import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTestData, type TestData } from "../testing/index.ts";
import { listMethods } from "./payment-methods.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData({
    users: [
      { externalId: "a", method: "pending" },
      { externalId: "none", method: null },
    ],
  });
});

afterEach(async () => {
  await data.close();
});

describe("list of payment methods", () => {
  it("payment methods are listed oldest first, page by page, filtered by status and user", async () => {
    const rest = { externalId: "a", status: "pending" } as const;
    const first = await listMethods(data.ctx.db, {}, { afterId: 0, limit: 1 });
    expect(first).toEqual([expect.objectContaining(rest)]);
    expect(await listMethods(data.ctx.db, {}, { afterId: first[0]?.id ?? 0, limit: 10 })).toEqual([]);
    expect(await listMethods(data.ctx.db, { status: "approved" }, { afterId: 0, limit: 10 })).toEqual([]);
    expect(await listMethods(data.ctx.db, { externalId: "none" }, { afterId: 0, limit: 10 })).toEqual([]);
    expect(await listMethods(data.ctx.db, rest, { afterId: 0, limit: 10 })).toHaveLength(1);
  });
});
