import { setTimeout as sleep } from "node:timers/promises";
import { getRun, type PaymentRun } from "@cpa-payouts/db";
import { decide } from "@cpa-payouts/pipeline";
import { describeOnBackends, eventually, openTestFlow, type TestFlow, userIds } from "@cpa-payouts/testing";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { type Bundle, bundleProgram } from "../bundle.ts";
import { creditAllThrough } from "../crediting.ts";
import { environmentOf } from "../environment.ts";
import { startPayouts } from "../payouts.ts";
import { DUE, expectPaidOnce, openDueRun } from "./paid-once.ts";
import { slowDownInvoices } from "./slow-database.ts";
import { linesOf, startPool } from "./worker-pool.ts";

const WORKERS = 3;
const BETWEEN_KILLS_MS = 700;
/** As many of the users as credits go to during the storm. */
const CREDITED_USERS = 200;

/**
 * The database is slow until the kills are done, so that on a fast machine, too, they do not outlast the run. The queue
 * on PostgreSQL is for one machine; a smaller storm keeps the time of both in bounds.
 */
const sizes = {
  redis: { users: 20_000, kills: 40, slownessMs: 100 },
  postgres: { users: 3_000, kills: 8, slownessMs: 200 },
};
const TIMEOUT_MS = 240_000;

/**
 * Goal: workers that are killed all the time, in the middle of batches, over jobs that are all there twice, while
 * balances change, cost time, never a cent.
 */
describeOnBackends("a run in a storm of kills", (kind) => {
  const { users, kills, slownessMs } = sizes[kind];
  const stop = new AbortController();
  let bundle: Bundle;
  let flow: TestFlow;

  beforeAll(async () => {
    bundle = await bundleProgram(new URL("./short-lock-worker.ts", import.meta.url));
    flow = await openTestFlow({ kind, now: DUE });
  });
  afterAll(async () => {
    stop.abort();
    await flow.close();
    await bundle.remove();
  });

  it(
    `pays ${users} users once, with a worker killed ${kills} times`,
    async () => {
      const run = await openDueRun(flow, users);
      await decide(flow.ctx, { runId: run.id });
      await queueAgainUnderOtherIds(flow, run);
      const endSlowness = await slowDownInvoices(flow.database, slownessMs);
      const crediting = creditAllThrough(flow, creditedUsers(), stop.signal);

      const storm = startPool(WORKERS, () => start("25"));
      onTestFinished(storm.kill);
      for (let kill = 0; kill < kills; kill += 1) {
        await sleep(BETWEEN_KILLS_MS);
        const { exit } = await storm.replaceOldest("SIGKILL");
        expect(await exit).toBeNull();
      }
      expect(storm.started).toHaveLength(WORKERS + kills);
      expect(await getRun(flow.ctx.db, run.id)).not.toMatchObject({ state: "completed" });

      expect(await storm.stop()).toEqual(Array(WORKERS).fill(0));
      await endSlowness();
      const calm = startPool(WORKERS, () => start("50"));
      onTestFinished(calm.kill);
      stop.abort();
      const credited = [...(await crediting).values()].reduce((sum, cents) => sum + cents, 0);
      expect(credited).toBeGreaterThan(0);
      await expectPaidOnce(flow, run, { users, creditedCents: BigInt(credited) });
      await untilDrained(flow);
      expect(await calm.stop()).toEqual(Array(WORKERS).fill(0));
      const stalled = linesOf([...storm.started, ...calm.started], "job.stalled");
      // The killed were in the middle of batches, most of the time.
      expect(stalled.length).toBeGreaterThan(kills);
    },
    TIMEOUT_MS,
  );

  const start = (concurrency: string) =>
    startPayouts([DUE], { ...environmentOf(flow), WORKER_CONCURRENCY: concurrency }, [bundle.file]);
  const creditedUsers = () =>
    Array.from({ length: CREDITED_USERS }, (_, index) => `u${index * (users / CREDITED_USERS)}`);
});

/** Adds a second job for each user, as a fan-out would that no job id could tell from the first. */
async function queueAgainUnderOtherIds({ ctx, database }: TestFlow, { id: runId }: PaymentRun): Promise<void> {
  const copies = Object.values(await userIds(database)).map((userId) => ({
    name: "create-invoice",
    data: { runId, userId },
    opts: { jobId: `copy-${runId}-${userId}` },
  }));
  await ctx.queues.bullmq.invoices.addBulk(copies);
}

/** Waits until the queue has no invoice left to do: the second copies come to an end after the run. */
async function untilDrained({ ctx }: TestFlow): Promise<void> {
  await eventually(async () => {
    const counts = await ctx.queues.bullmq.invoices.getJobCounts("waiting", "active", "delayed");
    return Object.values(counts).every((count) => count === 0);
  });
}
