import { getRun, type PaymentRun } from "@cpa-payouts/db";
import { importNetwork, userIds } from "@cpa-payouts/db/testing";
import type { RunningWorker } from "@cpa-payouts/jobs";
import { describeOnBackends, startTestWorkers } from "@cpa-payouts/jobs/testing";
import {
  createInvoiceBatch,
  decide,
  fanOut,
  followRun,
  type RunProgress,
  resumeRun,
  retryRun,
  startRun,
  summarizeRun,
  verify,
} from "@cpa-payouts/pipeline";
import { openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { eventually, latch, watched } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startWorkers } from "./workers.ts";

const DATE = { date: "2026-12-07", kind: "first-monday" } as const;
const USERS = ["waiting", "active", "delayed", "failed", "completed", "removed"] as const;
const LONG_MS = 3_600_000;

describeOnBackends("run with lost jobs", (kind) => {
  let flow: TestFlow;
  let run: PaymentRun;
  let ids: Record<string, number>;
  let workers: RunningWorker[];

  beforeEach(async () => {
    flow = await openTestFlow({ kind, now: "2026-12-07T02:00:00Z" });
    workers = [];
    await importNetwork(
      flow.ctx,
      USERS.map((externalId) => ({ externalId })),
    );
    ids = await userIds(flow.database);
    run = await startRun(flow.ctx, { date: DATE, trigger: "manual", actor: "test" });
  });

  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
    await flow.close();
  });

  const step = () => ({ runId: run.id });
  const work = async () => {
    workers.push(await startWorkers(flow.ctx, flow.backend, { concurrency: 8 }));
  };
  const jobId = (user: string) => `invoice-${run.id}-${ids[user]}`;
  const jobState = (user: string) => flow.ctx.queues.bullmq.invoices.getJobState(jobId(user));
  const resume = async () => resumeRun(flow.ctx, await getRun(flow.ctx.db, run.id));
  /** Waits for the end of the run; following it does not queue anything again. */
  const finish = async () => {
    let progress: RunProgress | null = null;
    const options = {
      onProgress: (present: RunProgress) => {
        progress = present;
      },
      standstillMs: LONG_MS,
    };
    const finished = await watched(
      "the run with lost jobs",
      () => progress,
      () => followRun(flow.ctx, run.id, options),
    );
    return summarizeRun(flow.ctx, finished);
  };

  it("resuming a run pays every user once, in any state of their job", async () => {
    await decide(flow.ctx, step());
    await fanOut(flow.ctx, step());
    const { invoices } = flow.ctx.queues.bullmq;

    // Three jobs are removed: one stays lost, one is added with a long delay, one is queued again further down.
    const payload = (user: string) => ({ ...step(), userId: ids[user] ?? 0 });
    for (const user of ["removed", "delayed", "waiting"]) await invoices.remove(jobId(user));
    await invoices.add("create-invoice", payload("delayed"), { jobId: jobId("delayed"), delay: LONG_MS });

    // A faulty worker: it holds one job, fails another, and completes a third without an invoice.
    const held = latch();
    const illWilled = await startTestWorkers(flow, {
      queues: ["invoices"],
      handlers: {
        "create-invoice": async (job) => {
          if (job.userId === ids.failed) throw new Error("always fails");
          if (job.userId === ids.completed) return { outcome: "nothing" };
          await held.opened;
          await createInvoiceBatch(flow.ctx, [job]);
          return {};
        },
      },
      events: { isFinal: () => true, onExhausted: async () => {} },
    });
    const reached = {
      active: "active",
      delayed: "delayed",
      failed: "failed",
      completed: "completed",
      removed: "unknown",
    };
    for (const [user, state] of Object.entries(reached)) await eventually(async () => (await jobState(user)) === state);
    await invoices.pause();
    await flow.ctx.queues.enqueue("create-invoice", payload("waiting"));

    await resume();
    expect(flow.log.of("jobs.requeued")).toEqual([{ ...step(), paymentDate: DATE.date, jobs: 3 }]);
    await resume();
    expect(flow.log.of("jobs.requeued")).toHaveLength(1);

    held.open();
    await illWilled.close();
    await work();
    await invoices.resume();
    await (await invoices.getJob(jobId("delayed")))?.promote();
    expect(await finish()).toMatchObject({ state: "completed", invoiced: 6, failed: 0, totalCents: 900_00n });
    const counts = await flow.database.sql`select count(*)::int as count from invoices group by user_id`;
    expect(counts.map(({ count }) => count)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it.each(["deciding", "fanning-out", "processing"] as const)(
    "a run in the state %s goes on after the queue has lost everything",
    async (state) => {
      if (state !== "deciding") await decide(flow.ctx, step());
      if (state === "processing") await fanOut(flow.ctx, step());
      expect((await getRun(flow.ctx.db, run.id)).state).toBe(state);
      for (const queue of Object.values(flow.ctx.queues.bullmq)) await queue.obliterate({ force: true });
      await resume();
      await work();
      expect(await finish()).toMatchObject({ state: "completed", invoiced: 6 });
    },
  );

  it("resuming a run ten times at once does no harm", async () => {
    await decide(flow.ctx, step());
    await fanOut(flow.ctx, step());
    await flow.ctx.queues.bullmq.invoices.obliterate({ force: true });
    await work();
    await Promise.all(Array.from({ length: 10 }, resume));
    expect(await finish()).toMatchObject({ invoiced: 6, failed: 0 });
  });

  it("a run completes without a user whose job failed, and a retry pays that user after the fix", async () => {
    await flow.database.sql.unsafe(`
      create function refuse_one() returns trigger language plpgsql as $$
        begin raise exception 'no invoice for user %', new.user_id; end $$;
      create trigger refuse_one before insert on invoices for each row when (new.user_id = ${ids.failed}) execute function refuse_one()`);
    await work();
    expect(await finish()).toMatchObject({ state: "completed", invoiced: 5, failed: 1 });
    const [decision] = await flow.database.sql`select error from run_decisions where outcome = 'failed'`;
    expect(decision).toEqual({ error: `no invoice for user ${ids.failed} (SQLSTATE P0001)` });

    await flow.database.sql`drop trigger refuse_one on invoices`;
    expect(await retryRun(flow.ctx, { paymentDate: DATE.date, actor: "test" })).toMatchObject({ retried: 1 });
    expect(await finish()).toMatchObject({ state: "completed", invoiced: 6, failed: 0 });
    expect(await retryRun(flow.ctx, { actor: "test" })).toMatchObject({ retried: 0 });
  });

  it("resuming a completed run queues nothing", async () => {
    await work();
    await finish();
    await Promise.all(workers.map((worker) => worker.close()));
    for (const queue of Object.values(flow.ctx.queues.bullmq)) await queue.obliterate({ force: true });
    await resume();
    for (const queue of Object.values(flow.ctx.queues.bullmq)) expect(await queue.count()).toBe(0);
  });
});
