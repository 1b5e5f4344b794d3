import { connect, listRuns, type PaymentRun } from "@cpa-payouts/db";
import { userIds } from "@cpa-payouts/db/testing";
import { openBackend, openQueues } from "@cpa-payouts/jobs";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { type Context, closeRun, createInvoiceBatch, decide, fanOut, tick } from "@cpa-payouts/pipeline";
import { environmentOf, openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { bundlePayouts, eventually, startPayouts, watched } from "@cpa-payouts/testing-servers";
import { type Schedules, startSchedules } from "@cpa-payouts/worker";
import { afterEach, beforeEach, expect, inject, it, onTestFinished } from "vitest";

import { DATE, DUE, expectPaidOnce, importUsers, progressOf } from "./paid-once.ts";
import { linesOf, startPool } from "./worker-pool.ts";

const SCHEDULERS = 8;
const { rounds } = inject("faultOptions");
/** The queue on PostgreSQL, where a round takes a second, is for one machine. */
const roundsOf = { redis: Math.ceil(rounds * 0.75), postgres: Math.ceil(rounds * 0.25) };
const USERS = 1_000;
/** Few, because a round tests schedulers; enough to see whether a user is queued or paid twice. */
const USERS_OF_A_ROUND = 3;

/** Goal: when several schedulers start in the second in which a date becomes due, the date is run once. */
describeOnBackends("schedulers that boot together", (kind) => {
  let flow: TestFlow;

  beforeEach(async () => {
    flow = await openTestFlow({ kind, now: DUE });
  });
  afterEach(() => flow.close());

  it.each(Array.from({ length: roundsOf[kind] }, (_, round) => round + 1))(
    "eight schedulers that boot at the second at which a date is due open one run and queue it once, round %i",
    async () => {
      await importUsers(flow, USERS_OF_A_ROUND);
      const errors: unknown[] = [];
      const schedulers = Array.from({ length: SCHEDULERS }, () => openScheduler(flow, (error) => errors.push(error)));
      const atOnce = (step: (ctx: Context) => Promise<unknown>) => Promise.all(schedulers.map(({ ctx }) => step(ctx)));

      const since = Date.now();
      await watched(
        "schedulers that boot together",
        () => progressOf(flow),
        async () => {
          await Promise.all(schedulers.map((scheduler) => scheduler.boot()));
          const run = await theOnlyRun(flow);
          await expectOneOfEachScheduler(flow, since);
          expect(await waiting(flow, "ticks")).toBe(1);
          expect(await waiting(flow, "runs")).toBe(1);
          await atOnce((ctx) => decide(ctx, { runId: run.id }));
          await atOnce((ctx) => fanOut(ctx, { runId: run.id }));
          expect(await waiting(flow, "invoices")).toBe(USERS_OF_A_ROUND);

          const jobs = Object.values(await userIds(flow.database)).map((userId) => ({ runId: run.id, userId }));
          await atOnce((ctx) => createInvoiceBatch(ctx, jobs));
          await atOnce((ctx) => closeRun(ctx, { runId: run.id }));
          await Promise.all(schedulers.map((scheduler) => scheduler.close()));
          await expectPaidOnce(flow, run, { users: USERS_OF_A_ROUND });
        },
      );
      expect(errors).toEqual([]);
      expect(flow.log.of("run.opened")).toHaveLength(1);
      expect(flow.log.of("run.completed")).toHaveLength(1);
    },
  );

  it("eight workers that start at the second at which a date is due open one run and pay it once", async () => {
    const bundle = await bundlePayouts();
    await importUsers(flow, USERS);
    await goLiveBefore(flow);
    const env = { ...environmentOf(flow), LOG_LEVEL: "info" };
    const since = Date.now();
    const pool = startPool(SCHEDULERS, () => startPayouts(["worker", "--now", DUE], env, [bundle.file]));
    onTestFinished(pool.kill);
    const started = () => pool.started.filter((worker) => worker.stderr().includes("worker.started")).length;
    const progress = async () => ({ ...(await progressOf(flow)), started: started() });
    await watched("eight workers that start at the same time", progress, async () => {
      await Promise.all(pool.started.map((worker) => worker.untilSays("worker.started")));
      const run = await eventually(() => theOnlyRun(flow).catch(() => null));
      await expectPaidOnce(flow, run, { users: USERS });
    });
    await expectOneOfEachScheduler(flow, since);
    await theOnlyRun(flow);
    expect(await pool.stop()).toEqual(Array(SCHEDULERS).fill(0));
    for (const event of ["run.opened", "run.completed"]) expect(linesOf(pool.started, event)).toHaveLength(1);
    expect(linesOf(pool.started).filter(({ level }) => level === "error")).toEqual([]);
    await bundle.remove();
  });
});

/** A scheduler with connections of its own, as a process has them. */
function openScheduler(flow: TestFlow, onError: (error: Error) => void) {
  const connection = connect({ url: flow.database.url, max: 1 });
  const backend = openBackend(flow.backendConfig);
  const ctx = { ...flow.ctx, db: connection.db, queues: openQueues(backend, onError) };
  let schedules: Schedules | null = null;
  return {
    ctx,
    boot: async () => {
      schedules = await startSchedules(ctx);
      await tick(ctx);
    },
    close: async () => {
      schedules?.stop();
      await ctx.queues.close();
      await Promise.all([backend.close(), connection.close()]);
    },
  };
}

/** Dates that were due before the first tick are not run, and processes tick some moments after their start. */
async function goLiveBefore({ ctx, clock }: TestFlow): Promise<void> {
  clock.set("2026-12-01T00:00:00Z");
  await tick(ctx);
  clock.set(DUE);
}

async function theOnlyRun({ ctx }: TestFlow): Promise<PaymentRun> {
  const [run, ...others] = await listRuns(ctx.db);
  if (!run) throw new Error("there is no run yet");
  expect(run).toMatchObject({ paymentDate: DATE.date, trigger: "schedule" });
  expect(others).toEqual([]);
  return run;
}

/** @param since an instant before the schedulers booted: a tick that was due since may still wait for a worker */
async function expectOneOfEachScheduler({ ctx }: TestFlow, since: number): Promise<void> {
  const { ticks } = ctx.queues.bullmq;
  const schedulers = await ticks.getJobSchedulers();
  expect(schedulers.map(({ key }) => key).sort()).toEqual(["tick-daily", "tick-sweep"]);
  for (const { next } of schedulers) expect(next).toBeGreaterThan(since);
  // At the instant at which a tick is due, its job is being worked on, and the next one is not delayed yet.
  await eventually(async () => (await ticks.getDelayedCount()) === schedulers.length);
}

function waiting({ ctx }: TestFlow, queue: keyof Context["queues"]["bullmq"]): Promise<number> {
  return ctx.queues.bullmq[queue].getJobCountByTypes("waiting");
}
