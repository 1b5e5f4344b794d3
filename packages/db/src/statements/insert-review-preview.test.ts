import { holdTransaction } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTestData, type TestData } from "../testing/index.ts";
import { insertReviewPreview } from "./insert-review-preview.ts";

const NOW = new Date("2026-12-08T10:00:00Z");
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let data: TestData;
let stored = 0;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

const store = (actor: string, now = NOW) =>
  insertReviewPreview(data.ctx.db, {
    tokenHash: `hash-${++stored}`,
    actor,
    requestDigest: "request",
    setDigest: "set",
    now,
    expiresAt: new Date(now.getTime() + 15 * MINUTE_MS),
  });

async function previewsOf(actor: string): Promise<string[]> {
  const rows = await data.database.sql<{ token_hash: string }[]>`
    select token_hash from review_previews where actor = ${actor} order by id`;
  return rows.map(({ token_hash }) => token_hash);
}

describe("stored previews", () => {
  it("a person who makes many previews keeps the newest hundred, and those of others stay", async () => {
    await store("bob");
    for (let made = 0; made < 103; made++) await store("alice");
    const kept = await previewsOf("alice");
    expect(kept).toHaveLength(100);
    expect(kept.at(-1)).toBe(`hash-${stored}`);
    expect(kept[0]).toBe(`hash-${stored - 99}`);
    expect(await previewsOf("bob")).toHaveLength(1);
  });

  it("a preview is removed by the next one of anyone a day after it expired, not before", async () => {
    await store("alice");
    const removable = NOW.getTime() + 15 * MINUTE_MS + DAY_MS;
    await store("bob", new Date(removable));
    expect(await previewsOf("alice")).toHaveLength(1);
    await store("bob", new Date(removable + 1));
    expect(await previewsOf("alice")).toEqual([]);
    expect(await previewsOf("bob")).toHaveLength(2);
  });

  it("a new preview does not wait for a review that holds an old one", async () => {
    await store("alice");
    const holder = await holdTransaction(data.database, (sql) => sql`select from review_previews for no key update`);
    await store("bob", new Date(NOW.getTime() + 2 * DAY_MS));
    expect(await previewsOf("bob")).toHaveLength(1);
    expect(await previewsOf("alice")).toHaveLength(1);
    await holder.commit();
  });
});
