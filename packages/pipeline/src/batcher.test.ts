import { latch } from "@cpa-payouts/testing-servers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type BatchPace, createBatcher } from "./batcher.ts";

class Outage extends Error {}

/** A batcher that records its batches. `refuses` returns the error with which a batch fails for an item, or null. */
function open(
  options: { pace?: Partial<BatchPace>; refuses?: (item: number) => Error | null; until?: Promise<void> } = {},
) {
  const batches: number[][] = [];
  const batch = createBatcher<number, string>({
    run: async (items) => {
      batches.push([...items]);
      await options.until;
      for (const item of items) {
        const refusal = options.refuses?.(item);
        if (refusal) throw refusal;
      }
      return items.map((item) => (item === 13 ? new Error("13 is unlucky") : `did ${item}`));
    },
    isOutage: (error) => error instanceof Outage,
    pace: { maxItems: 3, maxWaitMs: 2, maxRunning: 2, ...options.pace },
  });
  return { batches, batch, all: (items: readonly number[]) => Promise.allSettled(items.map(batch)) };
}

const said = (results: readonly PromiseSettledResult<string>[]) =>
  results.map((result) => (result.status === "fulfilled" ? result.value : (result.reason as Error).message));

describe("batcher", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("full batches start at once, and each caller gets the outcome of its own item", async () => {
    const { batches, all } = open();
    expect(said(await all([1, 2, 3, 4, 13, 6, 7]))).toEqual([
      "did 1",
      "did 2",
      "did 3",
      "did 4",
      "13 is unlucky",
      "did 6",
      "did 7",
    ]);
    expect(batches).toEqual([[1, 2, 3], [4, 13, 6], [7]]);
  });

  it("a batch that is not full waits for more items until its time is up, and no longer", async () => {
    vi.useFakeTimers();
    const { batches, batch } = open({ pace: { maxWaitMs: 50 } });
    const first = batch(1);
    await vi.advanceTimersByTimeAsync(49);
    const second = batch(2);
    expect(batches).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(batches).toEqual([[1, 2]]);
    expect(await Promise.all([first, second])).toEqual(["did 1", "did 2"]);
  });

  it("no more batches than allowed run at a time; further items wait for the next batches", async () => {
    vi.useFakeTimers();
    const held = latch();
    const { batches, all } = open({ until: held.opened, pace: { maxRunning: 1 } });
    const done = all([1, 2, 3, 4, 5]);
    const late = all([6, 7]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(batches).toEqual([[1, 2, 3]]);
    held.open();
    await vi.runAllTimersAsync();
    await Promise.all([done, late]);
    expect(batches).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
  });

  it("a failed batch is run again item by item, and only the faulty item fails", async () => {
    const { batches, all } = open({ refuses: (item) => (item === 2 ? new Error("2 is bad") : null) });
    expect(said(await all([1, 2, 3]))).toEqual(["did 1", "2 is bad", "did 3"]);
    expect(batches).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  it("a batch that failed because the server is away is not run item by item", async () => {
    const { batches, all } = open({ refuses: () => new Outage("away") });
    expect(said(await all([1, 2, 3]))).toEqual(["away", "away", "away"]);
    expect(batches).toEqual([[1, 2, 3]]);
  });

  it("running item by item stops when the server goes away meanwhile", async () => {
    let calls = 0;
    const { batches, all } = open({
      refuses: () => {
        calls += 1;
        if (calls === 1) return new Error("an item is bad");
        return calls === 2 ? null : new Outage("away");
      },
    });
    expect(said(await all([1, 2, 3]))).toEqual(["did 1", "away", "away"]);
    expect(batches).toEqual([[1, 2, 3], [1], [2]]);
  });

  it("a failed batch does not affect later ones", async () => {
    const { all } = open({ refuses: (item) => (item < 10 ? new Error("bad") : null), pace: { maxRunning: 1 } });
    expect(said(await all([1, 2]))).toEqual(["bad", "bad"]);
    expect(said(await all([10, 11]))).toEqual(["did 10", "did 11"]);
  });

  it("items for which a batch returns no outcome are rejected", async () => {
    const batch = createBatcher<number, string>({
      run: async () => ["did something"],
      isOutage: () => false,
      pace: { maxItems: 2, maxWaitMs: 1, maxRunning: 1 },
    });
    const results = await Promise.allSettled([batch(1), batch(2)]);
    expect(said(results)).toEqual(["did something", "a batch returned fewer outcomes than it has items"]);
  });
});
