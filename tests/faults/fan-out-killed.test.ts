import { getRun, openDecisionsPage, type PaymentRun } from "@cpa-payouts/db";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { decide, fanOut } from "@cpa-payouts/pipeline";
import { environmentOf, openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import {
  type Bundle,
  bundleProgram,
  eventually,
  type HeldTransaction,
  holdTransaction,
  killBlocked,
  startPayouts,
  watched,
} from "@cpa-payouts/testing-servers";
import { afterAll, beforeAll, expect, it } from "vitest";

import { DUE, expectPaidOnce, openDueRun, progressOf } from "./paid-once.ts";
import { linesOf, startPool } from "./worker-pool.ts";

const USERS = 3_000;
/** Queued before the worker that dies, so that the cursor stands in the middle. */
const QUEUED_BEFORE = 1_000;

/**
 * Goal: a fan-out that dies between two pages continues after the last stored cursor, and a page that was queued twice is
 * paid once.
 */
describeOnBackends("a fan-out whose process is killed", (kind) => {
  let bundle: Bundle;

  beforeAll(async () => {
    bundle = await bundleProgram(new URL("./short-lock-worker.ts", import.meta.url));
  });
  afterAll(() => bundle.remove());

  // On a busy machine, a worker could not renew such short locks of hundreds of jobs in time.
  const start = (flow: TestFlow) =>
    startPayouts([DUE], { ...environmentOf(flow), WORKER_CONCURRENCY: "50" }, [bundle.file]);

  /** A run whose first users are queued, and whose cursor cannot be stored until the lock on its row is given back. */
  const openHalfFannedOutRun = async (flow: TestFlow) => {
    const { id: runId } = await openDueRun(flow, USERS);
    await decide(flow.ctx, { runId });
    // Nothing is invoiced meanwhile, so that what was queued stays in the queue.
    await flow.ctx.queues.bullmq.invoices.pause();
    await fanOut(flow.ctx, { runId });
    const run = await getRun(flow.ctx.db, runId);
    expect(run).toMatchObject({ state: "fanning-out" });
    expect(run.fanOutCursor).toBeGreaterThan(0);
    return { run, lock: await holdTransaction(flow.database, (sql) => lockRun(sql, runId)) };
  };

  /** Kills a worker that has queued the next page and waits to store the cursor. */
  const killBehindPage = async (flow: TestFlow, run: PaymentRun) => {
    const worker = start(flow);
    await untilCursorWaits(flow);
    expect(await worker.stop("SIGKILL")).toBeNull();
    expect(worker.child.signalCode).toBe("SIGKILL");
    expect(await getRun(flow.ctx.db, run.id)).toMatchObject({ fanOutCursor: run.fanOutCursor, state: "fanning-out" });
    // The next page is in the queue, all the same.
    const page = { runId: run.id, afterUserId: run.fanOutCursor, limit: 1 };
    const [next] = await openDecisionsPage(flow.ctx.db, page);
    expect(await flow.ctx.queues.bullmq.invoices.getJob(`invoice-${run.id}-${next}`)).toBeDefined();
  };

  const finishWithAnother = async (flow: TestFlow, run: PaymentRun, onTestFinished: (end: () => void) => void) => {
    await flow.ctx.queues.bullmq.invoices.resume();
    const pool = startPool(1, () => start(flow));
    onTestFinished(pool.kill);
    await watched(
      "the worker that goes on",
      () => progressOf(flow),
      () => expectPaidOnce(flow, run, { users: USERS }),
    );
    expect(await pool.stop()).toEqual([0]);
    expect(linesOf(pool.started, "job.stalled").map(({ id }) => id)).toContain(`fan-out-${run.id}`);
    await flow.close();
  };

  const openFlow = () => openTestFlow({ kind, now: DUE, pace: { highWaterMark: QUEUED_BEFORE } });

  it.concurrent("a fan-out killed after it queued a page and before it stored the cursor queues that page again", async ({
    onTestFinished,
  }) => {
    const flow = await openFlow();
    const { run, lock } = await openHalfFannedOutRun(flow);
    await killBehindPage(flow, run);
    // The server would execute the statement of the dead process as soon as the lock is free.
    await killBlocked(flow.database);
    await lock.rollback();
    expect(await getRun(flow.ctx.db, run.id)).toMatchObject({ fanOutCursor: run.fanOutCursor, state: "fanning-out" });
    await finishWithAnother(flow, run, onTestFinished);
  });

  it.concurrent("a fan-out killed after it stored the cursor goes on behind it", async ({ onTestFinished }) => {
    const flow = await openFlow();
    const { run, lock } = await openHalfFannedOutRun(flow);
    await killBehindPage(flow, run);
    // The server executes the statement of the dead process.
    await lock.rollback();
    await eventually(async () => (await getRun(flow.ctx.db, run.id)).fanOutCursor > run.fanOutCursor);
    expect(await getRun(flow.ctx.db, run.id)).toMatchObject({ state: "fanning-out" });
    await finishWithAnother(flow, run, onTestFinished);
  });
});

function lockRun(sql: HeldTransaction["sql"], runId: number) {
  return sql`select from payment_runs where id = ${runId} for no key update`;
}

async function untilCursorWaits({ database }: TestFlow): Promise<void> {
  await eventually(async () => {
    const waiting = await database.sql`
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%fan_out_cursor%'`;
    return waiting.length > 0;
  });
}
