import { eventually, latch } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { catalog, jobsOf, queueNames } from "./catalog.ts";
import { countJobs } from "./counts.ts";
import type { Queues } from "./queues.ts";
import { describeOnBackends, openTestQueues, startTestWorkers, type TestQueues } from "./testing/index.ts";
import type { RunningWorker } from "./worker.ts";

const JOB = { runId: 1, userId: 2 };
const ID = "invoice-1-2";

describe("job catalogue", () => {
  it("every job has a queue, and an id that BullMQ does not misread", () => {
    expect(queueNames.flatMap(jobsOf).sort()).toEqual(Object.keys(catalog).sort());
    const ids = [
      catalog.tick.id({}),
      catalog.decide.id({ runId: 1 }),
      catalog["fan-out"].id({ runId: 1 }),
      catalog["close-run"].id({ runId: 1 }),
      catalog["create-invoice"].id(JOB),
      catalog["send-alert"].id({ deliveryId: 1 }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
    // BullMQ separates keys by colons, and plain numbers are the ids that it assigns itself.
    for (const id of ids) expect(id).toMatch(/^[a-z][a-z0-9-]*$/);
  });
});

describeOnBackends("queues", (kind) => {
  let opened: TestQueues;
  let queues: Queues;
  let workers: RunningWorker | null;

  beforeEach(async () => {
    opened = await openTestQueues(kind);
    queues = opened.queues;
    workers = null;
  });

  afterEach(async () => {
    await workers?.close();
    await opened.close();
  });

  const stateOf = (id = ID) => queues.bullmq.invoices.getJobState(id);
  const reaches = (state: string) => eventually(async () => (await stateOf()) === state);
  const work = async (handle: () => Promise<Record<string, never>>) => {
    workers = await startTestWorkers(opened, {
      queues: ["invoices"],
      handlers: { "create-invoice": handle },
      events: { isFinal: () => true, onExhausted: async () => {} },
    });
    return workers;
  };

  it("a ping of the backend is answered", async () => {
    await expect(opened.backend.ping()).resolves.toBeUndefined();
  });

  it("a job that already waits is not added again", async () => {
    await queues.enqueue("create-invoice", JOB);
    await queues.enqueue("create-invoice", JOB);
    await queues.enqueueAll("create-invoice", [JOB, { runId: 1, userId: 3 }, JOB]);
    expect(await queues.bullmq.invoices.getJobCountByTypes("waiting")).toBe(2);
  });

  it("a bulk add that breaks in the middle is repeated and adds every job once", async () => {
    const payloads = Array.from({ length: 20 }, (_, index) => ({ runId: 1, userId: index + 1 }));
    const { invoices } = queues.bullmq;
    const addBulk = invoices.addBulk.bind(invoices);
    const broken = vi.spyOn(invoices, "addBulk").mockImplementationOnce(async (jobs) => {
      await addBulk(jobs.slice(0, 7));
      throw new Error("OOM command not allowed when used memory > 'maxmemory'.");
    });
    await queues.enqueueAll("create-invoice", payloads);
    expect(broken).toHaveBeenCalledTimes(2);
    expect(await invoices.getJobCountByTypes("waiting")).toBe(20);

    broken.mockRejectedValue(new Error("OOM"));
    await expect(queues.enqueueAll("create-invoice", payloads)).rejects.toThrow("OOM");
    broken.mockRestore();
  });

  it("a queued job holds only ids, even if more is passed", async () => {
    const tooMuch = { ...JOB, email: "a@example.com", amountCents: 1 };
    await queues.enqueue("create-invoice", tooMuch);
    expect((await queues.bullmq.invoices.getJob(ID))?.data).toEqual(JOB);
  });

  it("a payload that does not match its schema is refused before it is queued", async () => {
    for (const payload of [{ runId: 1 }, { runId: 0, userId: 1 }, { runId: 1.5, userId: 1 }, { runId: "1", userId: 1 }])
      await expect(queues.enqueue("create-invoice", payload as typeof JOB)).rejects.toThrow();
    expect(await queues.bullmq.invoices.count()).toBe(0);
  });

  describe("ensureQueued", () => {
    const ensure = () => queues.ensureQueued("create-invoice", [JOB]);

    it("a job that was never added, or was lost, is added", async () => {
      expect(await ensure()).toBe(1);
      expect(await stateOf()).toBe("waiting");
      await queues.bullmq.invoices.remove(ID);
      expect(await ensure()).toBe(1);
    });

    it("a waiting job is left alone, even in a paused queue", async () => {
      await queues.enqueue("create-invoice", JOB);
      expect(await ensure()).toBe(0);
      await queues.bullmq.invoices.pause();
      expect(await ensure()).toBe(0);
      expect(await queues.bullmq.invoices.getJob(ID)).toBeDefined();
    });

    it("a delayed job is left alone", async () => {
      await queues.bullmq.invoices.add("create-invoice", JOB, { jobId: ID, delay: 3_600_000 });
      expect(await ensure()).toBe(0);
      expect(await stateOf()).toBe("delayed");
    });

    it("an active job is left alone", async () => {
      const held = latch();
      await queues.enqueue("create-invoice", JOB);
      const worker = await work(async () => {
        await held.opened;
        return {};
      });
      await reaches("active");
      expect(await ensure()).toBe(0);
      held.open();
      await worker.close();
    });

    it.each(["completed", "failed"] as const)(
      "a job that is kept as %s is queued again, with all its attempts",
      async (state) => {
        await queues.enqueue("create-invoice", JOB);
        const worker = await work(async () => {
          if (state === "failed") throw new Error("no luck");
          return {};
        });
        await reaches(state);
        await worker.close();
        // A plain add has no effect, which is why ensureQueued exists.
        await queues.enqueue("create-invoice", JOB);
        expect(await stateOf()).toBe(state);
        expect(await ensure()).toBe(1);
        const job = await queues.bullmq.invoices.getJob(ID);
        expect([await stateOf(), job?.attemptsMade, job?.failedReason]).toEqual(["waiting", 0, undefined]);
      },
    );

    it("many jobs that several callers ensure at once are each added once", async () => {
      const payloads = Array.from({ length: 50 }, (_, index) => ({ runId: 1, userId: index + 1 }));
      await Promise.all(Array.from({ length: 4 }, () => queues.ensureQueued("create-invoice", payloads)));
      expect(await queues.bullmq.invoices.getJobCountByTypes("waiting")).toBe(50);
      expect(await queues.ensureQueued("create-invoice", [])).toBe(0);
    });

    it("jobs are taken by their priority, count as waiting, and are added once", async () => {
      const payloads = [3, 1, 2].map((userId) => ({ runId: 1, userId }));
      const byUser = ({ userId }: { userId: number }) => userId;
      expect(await queues.ensureQueued("create-invoice", payloads, byUser)).toBe(3);
      expect(await queues.ensureQueued("create-invoice", payloads, byUser)).toBe(0);
      const counts = await countJobs(queues);
      expect(counts.find(({ queue }) => queue === "invoices")?.jobs.waiting).toBe(3);
      const waiting = await queues.bullmq.invoices.getPrioritized();
      expect(waiting.map(({ data }) => data.userId)).toEqual([1, 2, 3]);
    });

    it("a job that was added without a priority gets the one that it is ensured with", async () => {
      const payloads = [3, 1, 2].map((userId) => ({ runId: 1, userId }));
      await queues.enqueueAll("create-invoice", payloads);
      expect(await queues.ensureQueued("create-invoice", payloads, ({ userId }) => userId)).toBe(0);
      const waiting = await queues.bullmq.invoices.getPrioritized();
      expect(waiting.map(({ data, priority }) => [data.userId, priority])).toEqual([1, 2, 3].map((n) => [n, n]));
      expect(await queues.bullmq.invoices.getJobCountByTypes("waiting")).toBe(0);
    });

    it("kept failures that several callers ensure at once all run, while a worker takes them", async () => {
      const payloads = Array.from({ length: 20 }, (_, index) => ({ runId: 1, userId: index + 1 }));
      await queues.enqueueAll("create-invoice", payloads);
      const failing = await work(() => Promise.reject(new Error("no luck")));
      await eventually(async () => (await queues.bullmq.invoices.getFailedCount()) === 20);
      await failing.close();
      let done = 0;
      await work(async () => {
        done += 1;
        return {};
      });
      await Promise.all(Array.from({ length: 6 }, () => queues.ensureQueued("create-invoice", payloads)));
      await eventually(async () => (await queues.bullmq.invoices.getCompletedCount()) === 20);
      expect(done).toBeGreaterThanOrEqual(20);
      expect(await queues.bullmq.invoices.getFailedCount()).toBe(0);
    });
  });
});
