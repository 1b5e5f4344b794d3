import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTestData, type TestData } from "../testing/index.ts";
import { countTry } from "./count-try.ts";
import { forgetTries } from "./forget-tries.ts";

const NOW = new Date("2026-12-07T12:00:00Z");
const after = (ms: number) => new Date(NOW.getTime() + ms);

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

describe("throttle", () => {
  const tryNow = (now: Date, key = "k") => countTry(data.ctx.db, { key, windowMs: 60_000, now });

  it("attempts are counted per key within a window, and from 1 again after it", async () => {
    expect(await tryNow(NOW)).toEqual({ tries: 1, windowEndsAt: after(60_000) });
    expect(await tryNow(after(59_999))).toEqual({ tries: 2, windowEndsAt: after(60_000) });
    expect(await tryNow(after(59_999), "other")).toMatchObject({ tries: 1 });
    expect(await tryNow(after(60_000))).toEqual({ tries: 1, windowEndsAt: after(120_000) });
  });

  it("attempts at the same moment are all counted", async () => {
    const tries = await Promise.all(Array.from({ length: 40 }, () => tryNow(NOW)));
    expect(tries.map((one) => one.tries).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
  });

  it("deleting the attempts of a key also deletes the windows that have ended", async () => {
    await tryNow(NOW, "old");
    await tryNow(after(61_000), "new");
    await tryNow(after(61_000), "mine");
    await forgetTries(data.ctx.db, "mine", after(62_000));
    const rows = await data.database.sql`select key from throttles`;
    expect(rows.map(({ key }) => key)).toEqual(["new"]);
  });
});
