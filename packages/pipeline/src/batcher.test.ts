import { latch } from "@cpa-payouts/testing";
import { describe, expect, it, vi } from "vitest";
import { type BatchPace, createBatcher } from "./batcher.ts";

class Outage extends Error {}

/** A batcher whose batches are recorded; `refuses` says for which items a batch fails, and with what. */
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

describe("a batcher", () => {
  it("starts full batches at once and gives each caller the outcome of its own item", async () => {
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

  it("waits a little for more, and no longer", async () => {
    vi.useFakeTimers();
    const { batches, batch } = open({ pace: { maxWaitMs: 50 } });
    const first = batch(1);
    await vi.advanceTimersByTimeAsync(49);
    const second = batch(2);
    expect(batches).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(batches).toEqual([[1, 2]]);
    expect(await Promise.all([first, second])).toEqual(["did 1", "did 2"]);
    vi.useRealTimers();
  });

  it("has no more batches under way than it may; the items gather meanwhile", async () => {
    const held = latch();
    const { batches, all } = open({ until: held.opened, pace: { maxRunning: 1 } });
    const done = all([1, 2, 3, 4, 5]);
    const late = all([6, 7]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(batches).toEqual([[1, 2, 3]]);
    held.open();
    await Promise.all([done, late]);
    expect(batches).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
  });

  it("goes on item by item when a batch fails, so that only the one at fault does", async () => {
    const { batches, all } = open({ refuses: (item) => (item === 2 ? new Error("2 is bad") : null) });
    expect(said(await all([1, 2, 3]))).toEqual(["did 1", "2 is bad", "did 3"]);
    expect(batches).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  it("does not go on item by item when the server is away", async () => {
    const { batches, all } = open({ refuses: () => new Outage("away") });
    expect(said(await all([1, 2, 3]))).toEqual(["away", "away", "away"]);
    expect(batches).toEqual([[1, 2, 3]]);
  });

  it("stops to go on item by item when the server goes away meanwhile", async () => {
    let calls = 0;
    const { batches, all } = open({
      refuses: () => {
        calls += 1;
        if (calls === 1) return new Error("somebody is bad");
        return calls === 2 ? null : new Outage("away");
      },
    });
    expect(said(await all([1, 2, 3]))).toEqual(["did 1", "away", "away"]);
    expect(batches).toEqual([[1, 2, 3], [1], [2]]);
  });

  it("goes on after a failure", async () => {
    const { all } = open({ refuses: (item) => (item < 10 ? new Error("bad") : null), pace: { maxRunning: 1 } });
    expect(said(await all([1, 2]))).toEqual(["bad", "bad"]);
    expect(said(await all([10, 11]))).toEqual(["did 10", "did 11"]);
  });

  it("leaves nobody waiting when a batch answers with too few outcomes", async () => {
    const batch = createBatcher<number, string>({
      run: async () => ["did something"],
      isOutage: () => false,
      pace: { maxItems: 2, maxWaitMs: 1, maxRunning: 1 },
    });
    const results = await Promise.allSettled([batch(1), batch(2)]);
    expect(said(results)).toEqual(["did something", "a batch answered with fewer outcomes than it has items"]);
  });
});
