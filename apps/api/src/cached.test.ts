import { latch } from "@cpa-payouts/testing-servers";
import { expect, it } from "vitest";
import { cached } from "./cached.ts";

function counter() {
  let count = 0;
  return async () => ++count;
}

it("an answer is cached until its time is over", async () => {
  const ask = cached(counter(), 60_000);
  expect([await ask(), await ask()]).toEqual([1, 1]);
  const forgetful = cached(counter(), 0);
  expect([await forgetful(), await forgetful()]).toEqual([1, 2]);
});

it("concurrent callers share one call", async () => {
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

it("an error is not cached", async () => {
  const count = counter();
  const ask = cached(async () => {
    if ((await count()) === 1) throw new Error("away");
    return "back";
  }, 60_000);
  await expect(ask()).rejects.toThrow("away");
  expect(await ask()).toBe("back");
});
