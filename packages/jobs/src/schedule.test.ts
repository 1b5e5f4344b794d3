import { dueAt, localDateAt } from "@cpa-payouts/core";
import { eventually } from "@cpa-payouts/testing-servers";
import type { Queue } from "bullmq";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openBackend, openQueues, type Queues } from "./queues.ts";
import { scheduleTicks } from "./schedule.ts";
import { describeOnBackends, openTestQueues, startTestWorkers, type TestQueues } from "./testing/index.ts";

const DAILY = { pattern: "0 2 * * *", timeZone: "UTC" };
const EVERY_SECOND = { pattern: "* * * * * *", timeZone: "UTC" };

describeOnBackends("ticks", (kind) => {
  let opened: TestQueues;
  let queues: Queues;
  let ticks: Queue;

  beforeEach(async () => {
    opened = await openTestQueues(kind);
    queues = opened.queues;
    ticks = queues.bullmq.ticks;
  });

  afterEach(async () => {
    await opened.close();
  });

  const schedulers = async () => {
    const found = await ticks.getJobSchedulers(0, -1, true);
    return found
      .map(({ key, pattern, tz, next }) => ({ key, pattern, tz, next }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  };
  const delayedIds = async () => (await ticks.getDelayed()).map(({ id }) => `${id}`).sort();

  it("ticks are scheduled daily and every five minutes, and one is due at once", async () => {
    const before = Date.now();
    const next = await scheduleTicks(queues, DAILY);
    expect(await schedulers()).toMatchObject([
      { key: "tick-daily", pattern: "0 2 * * *", tz: "UTC" },
      { key: "tick-sweep", pattern: "*/5 * * * *", tz: "UTC" },
    ]);
    expect(await delayedIds()).toHaveLength(2);
    expect(await ticks.getJobState("tick")).toBe("waiting");
    expect(next?.toISOString()).toMatch(/T02:00:00\.000Z$/);
    expect(next?.getTime()).toBeGreaterThan(before);
  });

  it.each(["America/New_York", "Asia/Kathmandu"])(
    "the daily tick fires at the instant at which a date becomes due, in %s",
    async (timeZone) => {
      const schedule = { pattern: "30 14 * * *", timeZone };
      const next = await scheduleTicks(queues, schedule);
      expect(next).toEqual(next && dueAt(localDateAt(next, timeZone), schedule));
    },
  );

  it("another process that boots leaves the schedule as it is", async () => {
    await scheduleTicks(queues, DAILY);
    const before = [await schedulers(), await delayedIds()];
    await scheduleTicks(queues, DAILY);
    await scheduleTicks(queues, DAILY);
    expect([await schedulers(), await delayedIds()]).toEqual(before);
    expect(await ticks.getJobCountByTypes("waiting")).toBe(1);
  });

  it("an overdue tick survives the next boot and runs", async () => {
    const next = await scheduleTicks(queues, EVERY_SECOND);
    const overdue = `repeat:tick-daily:${next?.getTime()}`;
    expect(await delayedIds()).toContain(overdue);
    // No worker runs while the tick's second passes.
    await eventually(() => Date.now() > (next?.getTime() ?? 0) + 50);

    await scheduleTicks(queues, EVERY_SECOND);
    expect(await ticks.getJob(overdue)).toBeDefined();
    const worker = await startTestWorkers(opened, { queues: ["ticks"], handlers: { tick: async () => ({}) } });
    await eventually(async () => (await ticks.getJobState(overdue)) === "completed");
    await worker.close();
  });

  it("a changed time or zone moves the daily tick", async () => {
    await scheduleTicks(queues, DAILY);
    await scheduleTicks(queues, { pattern: "30 3 * * *", timeZone: "UTC" });
    const later = await scheduleTicks(queues, { pattern: "30 3 * * *", timeZone: "Asia/Kathmandu" });
    expect(later?.toISOString()).toMatch(/T21:45:00\.000Z$/);
    expect(await schedulers()).toMatchObject([
      { key: "tick-daily", pattern: "30 3 * * *", tz: "Asia/Kathmandu", next: later?.getTime() },
      { key: "tick-sweep" },
    ]);
    expect(await delayedIds()).toHaveLength(2);
  });

  it("eight processes that boot together schedule the ticks once", async () => {
    const processes = Array.from({ length: 8 }, () => {
      const backend = openBackend(opened.backendConfig);
      return { backend, queues: openQueues(backend, () => {}) };
    });
    const booted = await Promise.allSettled(processes.map((process) => scheduleTicks(process.queues, DAILY)));
    await Promise.all(
      processes.map(async (process) => {
        await process.queues.close();
        await process.backend.close();
      }),
    );
    expect(booted.filter(({ status }) => status === "rejected")).toEqual([]);
    expect(await schedulers()).toHaveLength(2);
    expect(await delayedIds()).toHaveLength(2);
    expect(await ticks.getJobCountByTypes("waiting")).toBe(1);
  });
});
