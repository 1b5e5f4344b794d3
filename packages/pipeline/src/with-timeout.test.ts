import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { withTimeout } from "./with-timeout.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

it("callers of a request with a time limit stop waiting after it, and later callers share the request that is still pending", async () => {
  const ask = vi.fn(() => new Promise<string>(() => {}));
  const question = withTimeout(ask, 1_000);
  for (const _attempt of [1, 2, 3]) {
    const answer = expect(question()).rejects.toThrow("no answer within 1000 ms");
    await vi.advanceTimersByTimeAsync(1_000);
    await answer;
  }
  expect(ask).toHaveBeenCalledTimes(1);
});

it("a request with a time limit counts as lost without a response for half a minute, and is made again", async () => {
  const ask = vi.fn(() => new Promise<string>(() => {}));
  ask.mockReturnValueOnce(new Promise(() => {})).mockReturnValueOnce(Promise.resolve("well"));
  const question = withTimeout(ask, 1_000);
  const first = expect(question()).rejects.toThrow();
  await vi.advanceTimersByTimeAsync(30_001);
  await first;
  expect(await question()).toBe("well");
});

it("a request with a time limit is made again after a response and after an error", async () => {
  const ask = vi.fn(async () => "well").mockRejectedValueOnce(new Error("away"));
  const question = withTimeout(ask, 1_000);
  await expect(question()).rejects.toThrow("away");
  expect(await Promise.all([question(), question()])).toEqual(["well", "well"]);
  expect(await question()).toBe("well");
  expect(ask).toHaveBeenCalledTimes(3);
});
