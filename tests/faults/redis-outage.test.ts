import { getRun, type PaymentRun } from "@cpa-payouts/db";
import { slowDownInvoices } from "@cpa-payouts/db/testing";
import type { RunningWorker } from "@cpa-payouts/jobs";
import { tick } from "@cpa-payouts/pipeline";
import type { TestFlow } from "@cpa-payouts/pipeline/testing";
import { eventually, watched } from "@cpa-payouts/testing-servers";
import { startWorkers } from "@cpa-payouts/worker";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { type OwnRedis, openOwnRedis } from "./own-redis.ts";
import { expectPaidOnce, openDueRun, progressOf } from "./paid-once.ts";

const USERS = 1_000;

/** Losing Redis or all of its data in the middle of a run must cost seconds, never an invoice. */
describe.skipIf(inject("redisBinary") === null)("Redis outage during a run", () => {
  let redis: OwnRedis;
  let flow: TestFlow;
  let workers: RunningWorker;

  beforeEach(async () => {
    redis = await openOwnRedis();
    flow = redis.flow;
    workers = await startWorkers(flow.ctx, flow.backend, {
      concurrency: 25,
      lockDurationMs: 2_000,
      stalledIntervalMs: 1_000,
    });
  });

  afterEach(async () => {
    await workers.close();
    await redis.close();
  });

  /** A run whose jobs are all queued, and that is slow enough not to end before the outage. */
  const startAndWaitForInvoices = async () => {
    const endSlowness = await slowDownInvoices(flow.database, USERS);
    const run = await openDueRun(flow, USERS);
    await eventually(
      async () =>
        (await flow.database.sql`select from invoices`).length > 50 &&
        (await getRun(flow.ctx.db, run.id)).state === "processing",
      () => progressOf(flow),
    );
    return { run, endSlowness };
  };

  const expectFinished = (run: PaymentRun) =>
    watched(
      "the run without Redis",
      () => progressOf(flow),
      () => expectPaidOnce(flow, run, { users: USERS }),
    );

  it("a run goes on by itself after Redis is killed and restarted with its append-only file", async () => {
    const { run, endSlowness } = await startAndWaitForInvoices();
    await redis.crash();
    await endSlowness();
    await expectFinished(run);
  });

  it("a run is queued again by the next tick after Redis has lost all data", async () => {
    const { run, endSlowness } = await startAndWaitForInvoices();
    await redis.client.flushall();
    expect((await flow.database.sql`select from invoices`).length).toBeLessThan(USERS);
    await endSlowness();
    await tick(flow.ctx);
    await expectFinished(run);
    expect(flow.log.of("jobs.requeued").length).toBeGreaterThan(0);
  });
});
