import { getRun } from "@cpa-payouts/db";
import { slowDownInvoices } from "@cpa-payouts/db/testing";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { environmentOf, openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { type Bundle, bundlePayouts, startPayouts, watched } from "@cpa-payouts/testing-servers";
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from "vitest";
import { usersOf } from "./options.ts";
import { DUE, expectPaidOnce, openDueRun, progressOf } from "./paid-once.ts";
import { linesOf, startPool, type WorkerPool } from "./worker-pool.ts";

const WORKERS = 3;
/** A worker has few jobs at a time and is stopped after its first batch, so that the stops end before the run does. */
const JOBS_AT_A_TIME = { redis: 25, postgres: 5 };

const { stops, ...sizes } = inject("faultOptions");

/** Goal: rolling deployments in the middle of a run leave no job behind that waits for its lock to expire. */
describeOnBackends("a run while its workers are replaced one by one", (kind) => {
  const users = usersOf(sizes, kind);
  let bundle: Bundle;
  let flow: TestFlow;

  beforeAll(async () => {
    bundle = await bundlePayouts();
    flow = await openTestFlow({ kind, now: DUE });
  });
  afterAll(async () => {
    await flow.close();
    await bundle.remove();
  });

  it(`a run pays ${users} users once and without a stall while workers are replaced (${stops} times)`, async () => {
    const run = await openDueRun(flow, users);
    const endSlowness = await slowDownInvoices(flow.database, users);
    const env = { ...environmentOf(flow), LOG_LEVEL: "info", WORKER_CONCURRENCY: `${JOBS_AT_A_TIME[kind]}` };
    const pool = startPool(WORKERS, () => startPayouts(["worker", "--now", DUE], env, [bundle.file]));
    onTestFinished(pool.kill);
    const progress = async () => ({ ...(await progressOf(flow)), started: pool.started.length });
    await watched("the rolling deployment", progress, async () => {
      const exits = await replaceOneByOne(pool, stops, "invoices.created");
      expect(await getRun(flow.ctx.db, run.id)).not.toMatchObject({ state: "completed" });
      await endSlowness();
      // Now the run may be over at any moment, so that only the start of a worker is waited for.
      exits.push(...(await replaceOneByOne(pool, WORKERS, "worker.started")));
      await expectPaidOnce(flow, run, { users });
      expect(await pool.stop()).toEqual(Array(WORKERS).fill(0));

      // A worker that has not closed within the time that `payouts worker` allows itself ends with 1.
      expect(exits.filter((code) => code !== 0)).toEqual([]);
      await expectNothingLost(pool);
    });
  });

  const expectNothingLost = async (pool: WorkerPool) => {
    // Stalls, retries and lost locks are warnings. A tick may queue a job again that was finished a moment before, because
    // the tick no longer finds that job in the queue.
    const warnings = linesOf(pool.started).filter(({ level }) => level !== "info");
    expect(warnings.filter(({ event }) => event !== "jobs.requeued")).toEqual([]);
    const batches = linesOf(pool.started, "invoices.created");
    expect(batches.reduce((sum, { invoiced }) => sum + Number(invoiced), 0)).toBe(users);
    for (const queue of Object.values(flow.ctx.queues.bullmq))
      expect(await queue.getJobCounts("active", "failed")).toEqual({ active: 0, failed: 0 });
    expect(await flow.ctx.queues.bullmq.invoices.count()).toBe(0);
  };
});

/** Has one worker after the other replaced in order, and returns their exit codes. */
async function replaceOneByOne(pool: WorkerPool, times: number, event: string): Promise<(number | null)[]> {
  const exits: Promise<number | null>[] = [];
  for (let stop = 0; stop < times; stop += 1) exits.push((await pool.replace(0, "SIGTERM", event)).exit);
  return Promise.all(exits);
}
