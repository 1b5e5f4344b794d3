import { getRun, type PaymentRun, totalsOfRun } from "@cpa-payouts/db";
import { slowDownInvoices } from "@cpa-payouts/db/testing";
import { decide } from "@cpa-payouts/pipeline";
import { environmentOf, type TestFlow } from "@cpa-payouts/pipeline/testing";
import {
  type Bundle,
  bundleProgram,
  eventually,
  type PayoutsProcess,
  startPayouts,
  watched,
} from "@cpa-payouts/testing-servers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished } from "vitest";

import { type OwnRedis, openOwnRedis } from "./own-redis.ts";
import { DUE, expectPaidOnce, openDueRun, progressOf } from "./paid-once.ts";
import { startPool } from "./worker-pool.ts";

const USERS = 12_000;
/** Room for some of the pages of a fan-out; memory runs out in the middle of a page. */
const ROOM_BYTES = 3_500_000;
const OUT_OF_MEMORY = "OOM command not allowed";
/** Invoices after which there is no room any more. */
const FIRST_INVOICES = 1_000;

/** Goal: a Redis whose memory runs out in the middle of a page of jobs delays a run, but does not break it. */
describe.skipIf(inject("redisBinary") === null)("a run whose Redis runs out of memory", () => {
  let bundle: Bundle;
  let redis: OwnRedis;
  let flow: TestFlow;

  beforeAll(async () => {
    bundle = await bundleProgram(new URL("./short-lock-worker.ts", import.meta.url));
  });
  afterAll(() => bundle.remove());

  beforeEach(async () => {
    redis = await openOwnRedis();
    flow = redis.flow;
  });
  afterEach(() => redis.close());

  const leaveRoom = async (bytes: number) => {
    const [, used] = /used_memory:(\d+)/.exec(await redis.client.info("memory")) ?? [];
    await redis.client.config("SET", "maxmemory", Number(used) + bytes);
  };
  /** Every finished job frees memory, so a limit equal to the memory in use would not last. */
  const leaveNoRoom = () => redis.client.config("SET", "maxmemory", 1);
  const giveMemoryBack = () => redis.client.config("SET", "maxmemory", 0);

  const start = () => startPayouts([DUE], { ...environmentOf(flow), WORKER_CONCURRENCY: "50" }, [bundle.file]);
  const untilRefused = (workers: readonly PayoutsProcess[]) =>
    watched(
      "the workers that Redis is to refuse",
      () => progressOf(flow),
      () => Promise.all(workers.map((worker) => worker.untilSays(OUT_OF_MEMORY))),
    );

  const expectFinished = (run: PaymentRun) =>
    watched(
      "the run that has memory again",
      () => progressOf(flow),
      () => expectPaidOnce(flow, run, { users: USERS }),
    );

  it("a run whose Redis is full in the middle of a page of jobs goes on by itself once there is memory again", async () => {
    const run = await openDueRun(flow, USERS);
    await decide(flow.ctx, { runId: run.id });
    // Nothing is invoiced before Redis is full, since every finished job would make room for another one.
    await flow.ctx.queues.bullmq.invoices.pause();
    await leaveRoom(ROOM_BYTES);
    const pool = startPool(1, start);
    onTestFinished(pool.kill);
    await untilRefused(pool.started);

    const { state, fanOutCursor } = await getRun(flow.ctx.db, run.id);
    const behindCursor = await countUsersUpTo(flow, fanOutCursor);
    expect(state).toBe("fanning-out");
    expect(behindCursor).toBeGreaterThan(0);
    // How much of the page behind the cursor is in depends on what Redis was reading when the memory ran out.
    expect(await flow.ctx.queues.bullmq.invoices.count()).toBeGreaterThanOrEqual(behindCursor);
    expect(await flow.ctx.queues.bullmq.invoices.count()).toBeLessThan(USERS);

    await giveMemoryBack();
    await flow.ctx.queues.bullmq.invoices.resume();
    await expectFinished(run);
    expect(await pool.stop()).toEqual([0]);
  });

  it("a run whose Redis is full in the middle of the invoices goes on by itself once there is memory again", async () => {
    const run = await openDueRun(flow, USERS);
    const endSlowness = await slowDownInvoices(flow.database, USERS);
    const pool = startPool(2, start);
    onTestFinished(pool.kill);
    await eventually(
      async () => (await totalsOfRun(flow.ctx.db, run.id)).invoiced > FIRST_INVOICES,
      () => progressOf(flow),
    );
    await leaveNoRoom();
    await untilRefused(pool.started);
    const { open } = await totalsOfRun(flow.ctx.db, run.id);
    expect(open).toBeGreaterThan(0);

    await giveMemoryBack();
    await endSlowness();
    await expectFinished(run);
    await eventually(async () => (await flow.ctx.queues.bullmq.invoices.getActiveCount()) === 0);
    expect(await pool.stop()).toEqual([0, 0]);
  });
});

async function countUsersUpTo({ database }: TestFlow, userId: number): Promise<number> {
  const [row] = await database.sql<{ count: number }[]>`select count(*)::int as count from users where id <= ${userId}`;
  return row?.count ?? 0;
}
