import { eventually, latch } from "@cpa-payouts/testing-servers";
import type { JobsOptions, Queue } from "bullmq";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeOnBackends, openTestQueues, startTestWorkers, type TestQueues } from "./testing/index.ts";
import type { Handlers, JobReport, RunningWorker, WorkerEvents } from "./worker.ts";

const JOB = { runId: 1, userId: 2 };
/** Like the options of every job, but faster. */
const QUICK: JobsOptions = { jobId: "job", attempts: 3, backoff: { type: "fixed", delay: 1 } };

describeOnBackends("worker", (kind) => {
  let opened: TestQueues;
  let invoices: Queue;
  let worker: RunningWorker | null;
  let retried: JobReport[];
  let exhausted: JobReport[];
  let errors: Error[];
  let calls: unknown[];

  beforeEach(async () => {
    opened = await openTestQueues(kind);
    invoices = opened.queues.bullmq.invoices;
    worker = null;
    [retried, exhausted, errors, calls] = [[], [], [], []];
  });

  afterEach(async () => {
    await worker?.close();
    await opened.close();
  });

  type Handler = Handlers["create-invoice"]["run"];
  const work = async (handle: Handler, events: Partial<WorkerEvents> = {}) => {
    worker = await startTestWorkers(opened, {
      queues: ["invoices"],
      handlers: {
        "create-invoice": async (payload) => {
          calls.push(payload);
          return handle(payload);
        },
      },
      events: {
        onError: (error) => errors.push(error),
        onRetry: (report) => retried.push(report),
        onExhausted: async (report) => {
          exhausted.push(report);
        },
        ...events,
      },
    });
  };
  const done: Handler = async () => ({ outcome: "done" });
  const fails: Handler = async () => {
    throw new Error("no luck");
  };
  const ended = async (state: "completed" | "failed", id = "job") => {
    await eventually(async () => (await invoices.getJobState(id)) === state);
    const job = await invoices.getJob(id);
    if (!job) throw new Error(`job ${id} is gone`);
    return job;
  };

  it("a worker lists the jobs that it works on, and none when they have ended", async () => {
    const held = latch();
    await invoices.add("create-invoice", JOB, QUICK);
    await work(async () => {
      await held.opened;
      return {};
    });
    await eventually(() => worker?.underWay().length === 1);
    expect(worker?.underWay()).toEqual(["job"]);
    held.open();
    await ended("completed");
    await eventually(() => worker?.underWay().length === 0);
  });

  it("the result of the handler is stored with the job", async () => {
    await invoices.add("create-invoice", JOB, QUICK);
    await work(done);
    expect((await ended("completed")).returnvalue).toEqual({ outcome: "done" });
    expect(calls).toEqual([JOB]);
  });

  it.each([
    ["lacks a field", { runId: 1 }],
    ["has a field of another type", { runId: 1, userId: "2" }],
    ["has an impossible id", { runId: 1, userId: -2 }],
    ["is no object", null],
  ])("a job whose payload %s fails at once", async (_what, data) => {
    await invoices.add("create-invoice", data, QUICK);
    await work(done);
    const job = await ended("failed");
    expect([job.failedReason, job.attemptsMade]).toEqual(["the payload of create-invoice is invalid", 1]);
    expect(calls).toEqual([]);
  });

  it("only ids reach the handler, even if the job holds more", async () => {
    await invoices.add("create-invoice", { ...JOB, amountCents: 1_000_000, destination: "thief@example.com" }, QUICK);
    await work(done);
    await ended("completed");
    expect(calls).toEqual([JOB]);
  });

  it.each(["decide", "pay-everything", "__proto__"])(
    "a job that the queue does not know fails at once: %s",
    async (name) => {
      await invoices.add(name, { runId: 1 }, QUICK);
      await work(done);
      const job = await ended("failed");
      expect([job.failedReason, job.attemptsMade]).toEqual([`no handler for a job named ${name}`, 1]);
    },
  );

  it("a job may be snoozed more often than it has attempts, without using one up", async () => {
    await invoices.add("create-invoice", JOB, QUICK);
    await work(async () => (calls.length < 10 ? { snoozeMs: calls.length % 2 } : { outcome: "done" }));
    const job = await ended("completed");
    expect(calls).toHaveLength(10);
    expect(job.attemptsMade).toBe(1);
    expect([retried, exhausted, errors]).toEqual([[], [], []]);
  });

  it("every retry of a job is reported, and a snooze uses up no attempt", async () => {
    await invoices.add("create-invoice", JOB, QUICK);
    await work(async (payload) => {
      if (calls.length === 1) return { snoozeMs: 0 };
      return calls.length < 4 ? fails(payload) : done(payload);
    });
    await ended("completed");
    const report = { name: "create-invoice", payload: JOB, error: "no luck" };
    expect(retried).toEqual([
      { ...report, attempt: 1 },
      { ...report, attempt: 2 },
    ]);
    expect(exhausted).toEqual([]);
  });

  it("a job with a priority gives way to others of its priority after each attempt that failed", async () => {
    const priorities: unknown[] = [];
    await invoices.add("create-invoice", JOB, { ...QUICK, priority: 7 });
    await work(async (payload) => {
      priorities.push((await invoices.getJob("job"))?.priority);
      return fails(payload);
    });
    await ended("failed");
    expect(priorities).toEqual([7, 8, 9]);
  });

  it("a job without a priority has none after it failed", async () => {
    await invoices.add("create-invoice", JOB, QUICK);
    await work(fails);
    expect((await ended("failed")).priority).toBe(0);
  });

  it("the last failure of a job is reported before the queue records it", async () => {
    const states: string[] = [];
    await invoices.add("create-invoice", JOB, QUICK);
    await work(fails, {
      onExhausted: async (report) => {
        exhausted.push(report);
        states.push(await invoices.getJobState("job"));
      },
    });
    const job = await ended("failed");
    expect(exhausted).toEqual([{ name: "create-invoice", payload: JOB, attempt: 3, error: "no luck" }]);
    expect(states).toEqual(["active"]);
    expect([job.failedReason, job.attemptsMade]).toEqual(["no luck", 3]);
  });

  it("a job that throws a final error fails at once", async () => {
    await invoices.add("create-invoice", JOB, QUICK);
    await work(fails, { isFinal: () => true });
    expect((await ended("failed")).attemptsMade).toBe(1);
    expect([retried.length, exhausted.length]).toEqual([0, 1]);
  });

  it("personal data in an error does not reach the queue", async () => {
    const secret = "publisher.17@example.com";
    await invoices.add("create-invoice", JOB, { ...QUICK, attempts: 1 });
    await work(
      async () => {
        throw new Error(`params: ${secret}`, { cause: new Error(secret) });
      },
      { describe: () => "described" },
    );
    const job = await ended("failed");
    expect(job.failedReason).toBe("described");
    expect(JSON.stringify(job)).not.toContain(secret);
  });

  it("a worker that cannot report a failed job keeps the job and continues", async () => {
    await invoices.add("create-invoice", JOB, { ...QUICK, attempts: 1 });
    await work(async (payload) => (payload.userId === JOB.userId ? fails(payload) : done(payload)), {
      onExhausted: () => Promise.reject(new Error("the database is away")),
    });
    await ended("failed");
    await invoices.add("create-invoice", { ...JOB, userId: 3 }, { ...QUICK, jobId: "next" });
    await ended("completed", "next");
  });

  it("a handler that does not return by its deadline is given up, and its job is retried", async () => {
    let calls = 0;
    const reports: JobReport[] = [];
    worker = await startTestWorkers(opened, {
      queues: ["invoices"],
      deadlineMs: 200,
      handlers: {
        "create-invoice": async () => {
          calls += 1;
          return calls === 1 ? new Promise<never>(() => {}) : { outcome: "done" };
        },
      },
      events: { onRetry: (report) => reports.push(report) },
    });
    await opened.queues.enqueue("create-invoice", { runId: 1, userId: 1 });
    await eventually(() => calls === 2);
    expect(reports.map(({ error }) => error)).toEqual(["create-invoice did not finish within 200 ms"]);
  });

  it("a worker finishes the jobs that it has begun before it closes", async () => {
    const [begun, held] = [latch(), latch()];
    await invoices.add("create-invoice", JOB, QUICK);
    await work(async (payload) => {
      begun.open();
      await held.opened;
      return done(payload);
    });
    await begun.opened;
    const closed = worker?.close();
    held.open();
    await closed;
    expect(await invoices.getJobState("job")).toBe("completed");
  });
});
