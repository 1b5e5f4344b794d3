import { getRun, type PaymentRun } from "@cpa-payouts/db";
import { slowDownInvoices, userIds } from "@cpa-payouts/db/testing";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { decide } from "@cpa-payouts/pipeline";
import { environmentOf, openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { type Bundle, bundleProgram, eventually, startPayouts, watched } from "@cpa-payouts/testing-servers";
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from "vitest";
import { creditAllThrough } from "./crediting.ts";
import { randomNumbers } from "./network.ts";
import { usersOf } from "./options.ts";
import { DUE, expectPaidOnce, openDueRun, progressOf } from "./paid-once.ts";
import { linesOf, startPool } from "./worker-pool.ts";

const WORKERS = 3;
/** The number of users who are credited during the storm. */
const CREDITED_USERS = 200;
/** A worker has few jobs at a time and is killed after its first batch, so that the kills end before the run does. */
const JOBS_AT_A_TIME = { redis: 25, postgres: 5 };
/** On a busy machine, a worker could not renew such short locks of hundreds of jobs in time. */
const JOBS_AFTER_THE_STORM = 50;

const { kills, seed, ...sizes } = inject("faultOptions");

/**
 * Goal: no cent is lost while workers are killed in the middle of batches, every job is in the queue twice, and balances
 * change.
 */
describeOnBackends("a run in a storm of kills", (kind) => {
  const users = usersOf(sizes, kind);
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

  it(`a run pays ${users} users once while workers are killed (${kills} times)`, async () => {
    const run = await openDueRun(flow, users);
    await decide(flow.ctx, { runId: run.id });
    await queueAgainUnderOtherIds(flow, run);
    const endSlowness = await slowDownInvoices(flow.database, users);
    const crediting = creditAllThrough(flow, creditedUsers(), { signal: stop.signal, seed });

    const random = randomNumbers(seed);
    const storm = startPool(WORKERS, () => start(JOBS_AT_A_TIME[kind]));
    onTestFinished(storm.kill);
    const progress = async () => ({ ...(await progressOf(flow)), started: storm.started.length });
    await watched("the storm of kills", progress, async () => {
      for (let kill = 0; kill < kills; kill += 1) {
        const { exit } = await storm.replace(random(WORKERS), "SIGKILL", "invoices.created");
        expect(await exit).toBeNull();
      }
      expect(storm.started).toHaveLength(WORKERS + kills);
      expect(await getRun(flow.ctx.db, run.id)).not.toMatchObject({ state: "completed" });

      // First, because a shutdown has 25 seconds, and the slow statements of several workers that wait for the same user's row
      // take ten seconds each, one after the other.
      await endSlowness();
      expect(await storm.stop()).toEqual(Array(WORKERS).fill(0));
      const calm = startPool(WORKERS, () => start(JOBS_AFTER_THE_STORM));
      onTestFinished(calm.kill);
      stop.abort();
      const credited = [...(await crediting).values()].reduce((sum, cents) => sum + cents, 0);
      expect(credited).toBeGreaterThan(0);
      await expectPaidOnce(flow, run, { users, creditedCents: BigInt(credited) });
      await untilDrained(flow);
      expect(await calm.stop()).toEqual(Array(WORKERS).fill(0));
      const stalled = linesOf([...storm.started, ...calm.started], "job.stalled");
      // Most of the workers were killed in the middle of a batch.
      expect(stalled.length).toBeGreaterThan(kills);
    });
  });

  const start = (concurrency: number) =>
    startPayouts([DUE], { ...environmentOf(flow), WORKER_CONCURRENCY: `${concurrency}` }, [bundle.file]);
  const creditedUsers = () =>
    Array.from({ length: CREDITED_USERS }, (_, index) => `u${Math.floor(index * (users / CREDITED_USERS))}`);
});

/** Adds a second job for each user under another id, as if job ids did not prevent duplicates. */
async function queueAgainUnderOtherIds({ ctx, database }: TestFlow, { id: runId }: PaymentRun): Promise<void> {
  const copies = Object.values(await userIds(database)).map((userId) => ({
    name: "create-invoice",
    data: { runId, userId },
    opts: { jobId: `copy-${runId}-${userId}` },
  }));
  await ctx.queues.bullmq.invoices.addBulk(copies);
}

/** Waits until the queue has no invoice job left: the second jobs may finish after the run. */
async function untilDrained(flow: TestFlow): Promise<void> {
  await eventually(
    async () => {
      const counts = await flow.ctx.queues.bullmq.invoices.getJobCounts("waiting", "active", "delayed");
      return Object.values(counts).every((count) => count === 0);
    },
    () => progressOf(flow),
  );
}
