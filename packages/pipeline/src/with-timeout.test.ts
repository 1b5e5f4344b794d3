import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { withTimeout } from "./with-timeout.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

it("callers of a request with a time limit stop waiting after it, and later callers share the request that is still pending", async () => {
  const send = vi.fn(() => new Promise<string>(() => {}));
  const request = withTimeout(send, 1_000);
  for (const _attempt of [1, 2, 3]) {
    const refusal = expect(request()).rejects.toThrow("no answer within 1000 ms");
    await vi.advanceTimersByTimeAsync(1_000);
    await refusal;
  }
  expect(send).toHaveBeenCalledTimes(1);
});

it("a request with a time limit counts as lost without a response for half a minute, and is made again", async () => {
  const send = vi.fn(() => new Promise<string>(() => {}));
  send.mockReturnValueOnce(new Promise(() => {})).mockReturnValueOnce(Promise.resolve("well"));
  const request = withTimeout(send, 1_000);
  const first = expect(request()).rejects.toThrow();
  await vi.advanceTimersByTimeAsync(30_001);
  await first;
  expect(await request()).toBe("well");
});

it("a request with a time limit is made again after a response and after an error", async () => {
  const send = vi.fn(async () => "well").mockRejectedValueOnce(new Error("away"));
  const request = withTimeout(send, 1_000);
  await expect(request()).rejects.toThrow("away");
  expect(await Promise.all([request(), request()])).toEqual(["well", "well"]);
  expect(await request()).toBe("well");
  expect(send).toHaveBeenCalledTimes(3);
});
