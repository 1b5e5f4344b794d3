import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTestData, type TestData } from "../testing/index.ts";
import { countTries, type TryCounter } from "./count-tries.ts";
import { forgetTries } from "./forget-tries.ts";
import { giveBackTries } from "./give-back-tries.ts";

const NOW = new Date("2026-12-07T12:00:00Z");
const after = (ms: number) => new Date(NOW.getTime() + ms);

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
});

const counter = (key: string, limit = 3): TryCounter => ({ key, account: null, limit, windowMs: 60_000 });
const tryAt = (now: Date, ...counters: TryCounter[]) => countTries(data.ctx.db, counters, now);
const stored = () => data.database.sql<{ key: string; tries: number }[]>`select key, tries from throttles order by key`;

describe("count of tries", () => {
  it("a limit admits its number of tries within a window, and counts from 1 again after it", async () => {
    for (const ms of [0, 1, 59_998]) expect(await tryAt(after(ms), counter("k"))).toBeNull();
    expect(await tryAt(after(59_999), counter("k"))).toEqual(after(60_000));
    expect(await tryAt(after(59_999), counter("other"))).toBeNull();
    expect(await tryAt(after(60_000), counter("k"))).toBeNull();
    expect(await stored()).toEqual([
      { key: "k", tries: 1 },
      { key: "other", tries: 1 },
    ]);
  });

  it("a try that one limit refuses is counted by none, and writes no row", async () => {
    await tryAt(NOW, counter("full", 1));
    for (let index = 0; index < 20; index++)
      expect(await tryAt(NOW, counter("full", 1), counter(`new ${index}`), counter("shared"))).toEqual(after(60_000));
    expect(await stored()).toEqual([{ key: "full", tries: 1 }]);
  });

  it("a try that several limits refuse may be repeated when the last of their windows has ended", async () => {
    await tryAt(NOW, counter("a", 1));
    await tryAt(after(30_000), counter("b", 1));
    expect(await tryAt(after(40_000), counter("a", 1), counter("b", 1))).toEqual(after(90_000));
  });

  it("of many tries at the same moment exactly as many are admitted as the limit says", async () => {
    const tries = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        // Half of them name the counters the other way round, which must not end in a deadlock.
        tryAt(NOW, ...(index % 2 ? [counter("x", 7), counter("y", 100)] : [counter("y", 100), counter("x", 7)])),
      ),
    );
    expect(tries.filter((refusedUntil) => refusedUntil === null)).toHaveLength(7);
  });

  it("a try that is given back is not counted, unless its window has ended since", async () => {
    await tryAt(NOW, counter("k"), counter("other"));
    await tryAt(after(1), counter("k"));
    await giveBackTries(data.ctx.db, [counter("k"), counter("unknown")], after(1));
    expect(await stored()).toEqual([
      { key: "k", tries: 1 },
      { key: "other", tries: 1 },
    ]);
    await tryAt(after(60_000), counter("k"));
    await giveBackTries(data.ctx.db, [counter("k")], after(1));
    expect(await stored()).toMatchObject([{ key: "k", tries: 1 }, { key: "other" }]);
  });

  it("many tries that are counted and given back at the same moment leave no count", async () => {
    const both = [counter("x", 100), counter("y", 100)];
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const mine = index % 2 ? both : both.toReversed();
        await tryAt(NOW, ...mine);
        await giveBackTries(data.ctx.db, mine, NOW);
      }),
    );
    expect((await stored()).map(({ tries }) => tries)).toEqual([0, 0]);
  });

  it("deleting the counts of some keys keeps the others", async () => {
    await tryAt(NOW, counter("mine"), counter("other"));
    await forgetTries(data.ctx.db, ["mine", "unknown"]);
    expect(await stored()).toEqual([{ key: "other", tries: 1 }]);
  });
});
