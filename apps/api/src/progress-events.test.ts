import type { RunProgress } from "@cpa-payouts/pipeline";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { toEvents } from "./progress-events.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** What is sent for the polls of a run that is processing, one per second; `dones` has the progress found by each. */
async function eventsOf(dones: readonly number[]): Promise<string[]> {
  async function* polls(): AsyncGenerator<RunProgress> {
    for (const done of dones) {
      yield { state: "processing", done, total: 2 };
      vi.advanceTimersByTime(1_000);
    }
  }
  const events: string[] = [];
  for await (const event of toEvents(polls())) events.push(event);
  return events;
}

const progress = (done: number) => `event: progress\ndata: {"state":"processing","done":${done},"total":2}\n\n`;
const keepAlive = ": still here\n\n";
const unchanged = (seconds: number, done: number) => Array.from({ length: seconds }, () => done);

it("a progress stream sends one keep-alive per 15 seconds without an event", async () => {
  expect(await eventsOf([0, ...unchanged(14, 0)])).toEqual([progress(0)]);
  expect(await eventsOf([0, ...unchanged(44, 0)])).toEqual([progress(0), keepAlive, keepAlive]);
  expect(await eventsOf([0, ...unchanged(45, 0)])).toEqual([progress(0), keepAlive, keepAlive, keepAlive]);
});

it("a change of progress postpones the next keep-alive of a progress stream", async () => {
  expect(await eventsOf([0, ...unchanged(14, 0), 1, ...unchanged(14, 1)])).toEqual([progress(0), progress(1)]);
});
