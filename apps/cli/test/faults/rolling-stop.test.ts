import { setTimeout as sleep } from "node:timers/promises";
import { getRun } from "@cpa-payouts/db";
import { describeOnBackends, openTestFlow, type TestFlow } from "@cpa-payouts/testing";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { type Bundle, bundlePayouts } from "../bundle.ts";
import { environmentOf } from "../environment.ts";
import { startPayouts } from "../payouts.ts";
import { DUE, expectPaidOnce, openDueRun } from "./paid-once.ts";
import { slowDownInvoices } from "./slow-database.ts";
import { linesOf, startPool, type WorkerPool } from "./worker-pool.ts";

const WORKERS = 3;
const BETWEEN_STOPS_MS = 1_000;
const FEWEST_STOPS = 15;
/** On a machine so busy that workers are stopped as soon as they have started, a run would never end. */
const MOST_FURTHER_STOPS = 15;
/** What `payouts worker` grants itself; docker compose waits 30 s. */
const LONGEST_STOP_MS = 25_000;

const BATCH = 25;

/**
 * Until the fewest stops are done the database is slow, so that on a fast machine, too, the run lasts longer than they
 * take: three workers with a batch at a time cannot invoice all users in those fifteen seconds.
 */
const sizes = { redis: { users: 20_000, slownessMs: 100 }, postgres: { users: 1_500, slownessMs: 700 } };
const TIMEOUT_MS = 240_000;

/** Goal: deployments in the middle of a run, one after the other, leave nothing behind that waits for a lock to run out. */
describeOnBackends("a run while its workers are replaced one each second", (kind) => {
  const { users, slownessMs } = sizes[kind];
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

  it(
    `pays ${users} users, once, without a stall`,
    async () => {
      const run = await openDueRun(flow, users);
      const endSlowness = await slowDownInvoices(flow.database, slownessMs);
      const env = { ...environmentOf(flow), LOG_LEVEL: "info", WORKER_CONCURRENCY: `${BATCH}` };
      const pool = startPool(WORKERS, () => startPayouts(["worker", "--now", DUE], env, [bundle.file]));
      onTestFinished(pool.kill);
      const stops = await replaceOneEachSecond(pool, (done) => done === FEWEST_STOPS);
      expect(await getRun(flow.ctx.db, run.id)).not.toMatchObject({ state: "completed" });
      await endSlowness();
      stops.push(
        ...(await replaceOneEachSecond(
          pool,
          async (done) => done === MOST_FURTHER_STOPS || (await getRun(flow.ctx.db, run.id)).state === "completed",
        )),
      );
      await expectPaidOnce(flow, run, { users });
      expect(await pool.stop()).toEqual(Array(WORKERS).fill(0));

      expect(stops.filter(({ code }) => code !== 0)).toEqual([]);
      expect(Math.max(...stops.map(({ ms }) => ms))).toBeLessThan(LONGEST_STOP_MS);
      await expectNothingLost(pool);
    },
    TIMEOUT_MS,
  );

  const expectNothingLost = async (pool: WorkerPool) => {
    // Stalls, retries and lost locks are warnings. A tick that looks for lost jobs may miss one that was done a moment
    // before, and queues it again for nothing.
    const warnings = linesOf(pool.started).filter(({ level }) => level !== "info");
    expect(warnings.filter(({ event }) => event !== "jobs.requeued")).toEqual([]);
    const batches = linesOf(pool.started, "invoices.created");
    expect(batches.reduce((sum, { invoiced }) => sum + Number(invoiced), 0)).toBe(users);
    for (const queue of Object.values(flow.ctx.queues.bullmq))
      expect(await queue.getJobCounts("active", "failed")).toEqual({ active: 0, failed: 0 });
    expect(await flow.ctx.queues.bullmq.invoices.count()).toBe(0);
  };
});

interface Stop {
  readonly code: number | null;
  readonly ms: number;
}

/** Has one worker after the other replaced in order until enough is done, and answers with how each one ended. */
async function replaceOneEachSecond(
  pool: WorkerPool,
  isEnough: (stops: number) => boolean | Promise<boolean>,
): Promise<Stop[]> {
  const stops: Promise<Stop>[] = [];
  while (!(await isEnough(stops.length))) {
    await sleep(BETWEEN_STOPS_MS);
    const { exit } = await pool.replaceOldest("SIGTERM");
    stops.push(timed(exit));
  }
  return Promise.all(stops);
}

async function timed(exit: Promise<number | null>): Promise<Stop> {
  const begun = performance.now();
  const code = await exit;
  return { code, ms: performance.now() - begun };
}
