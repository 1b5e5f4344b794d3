import { latch } from "@cpa-payouts/testing-servers";
import { expect, it } from "vitest";
import { cached } from "./cached.ts";

function counter() {
  let count = 0;
  return async () => ++count;
}

it("a cached function returns its result again until the time is over", async () => {
  const load = cached(counter(), 60_000);
  expect([await load(), await load()]).toEqual([1, 1]);
  const forgetful = cached(counter(), 0);
  expect([await forgetful(), await forgetful()]).toEqual([1, 2]);
});

it("concurrent callers of a cached function share one call", async () => {
  const response = latch();
  const count = counter();
  const load = cached(async () => {
    await response.opened;
    return count();
  }, 60_000);
  const all = Promise.all([load(), load(), load()]);
  response.open();
  expect(await all).toEqual([1, 1, 1]);
});

it("a cached function is called again after an error", async () => {
  const count = counter();
  const load = cached(async () => {
    if ((await count()) === 1) throw new Error("away");
    return "back";
  }, 60_000);
  await expect(load()).rejects.toThrow("away");
  expect(await load()).toBe("back");
});
