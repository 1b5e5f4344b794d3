import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { impatient } from "./impatient.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

it("gives up waiting, and does not ask again what is still open", async () => {
  const ask = vi.fn(() => new Promise<string>(() => {}));
  const question = impatient(ask, 1_000);
  for (const _attempt of [1, 2, 3]) {
    const answer = expect(question()).rejects.toThrow("no answer within 1000 ms");
    await vi.advanceTimersByTimeAsync(1_000);
    await answer;
  }
  expect(ask).toHaveBeenCalledTimes(1);
});

it("asks again after half a minute, when the question counts as lost", async () => {
  const ask = vi.fn(() => new Promise<string>(() => {}));
  ask.mockReturnValueOnce(new Promise(() => {})).mockReturnValueOnce(Promise.resolve("well"));
  const question = impatient(ask, 1_000);
  const first = expect(question()).rejects.toThrow();
  await vi.advanceTimersByTimeAsync(30_001);
  await first;
  expect(await question()).toBe("well");
});

it("asks anew after each answer, be it a failure", async () => {
  const ask = vi.fn(async () => "well").mockRejectedValueOnce(new Error("away"));
  const question = impatient(ask, 1_000);
  await expect(question()).rejects.toThrow("away");
  expect(await Promise.all([question(), question()])).toEqual(["well", "well"]);
  expect(await question()).toBe("well");
  expect(ask).toHaveBeenCalledTimes(3);
});
