import { latch } from "@cpa-payouts/testing-servers";
import { expect, it } from "vitest";
import { cached } from "./cached.ts";

function counter() {
  let count = 0;
  return async () => ++count;
}

it("a cached function returns its result again until the time is over", async () => {
  const ask = cached(counter(), 60_000);
  expect([await ask(), await ask()]).toEqual([1, 1]);
  const forgetful = cached(counter(), 0);
  expect([await forgetful(), await forgetful()]).toEqual([1, 2]);
});

it("concurrent callers of a cached function share one call", async () => {
  const answer = latch();
  const count = counter();
  const ask = cached(async () => {
    await answer.opened;
    return count();
  }, 60_000);
  const all = Promise.all([ask(), ask(), ask()]);
  answer.open();
  expect(await all).toEqual([1, 1, 1]);
});

it("a cached function is called again after an error", async () => {
  const count = counter();
  const ask = cached(async () => {
    if ((await count()) === 1) throw new Error("away");
    return "back";
  }, 60_000);
  await expect(ask()).rejects.toThrow("away");
  expect(await ask()).toBe("back");
});
