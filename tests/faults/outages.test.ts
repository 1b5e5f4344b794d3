import { setTimeout as sleep } from "node:timers/promises";
import { findRun, type PaymentRun } from "@cpa-payouts/db";
import { importNetwork } from "@cpa-payouts/db/testing";
import type { RunningWorker } from "@cpa-payouts/jobs";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { followRun, startRun, summarizeRun, tick, verify } from "@cpa-payouts/pipeline";
import { environmentOf, openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import {
  eventually,
  freePort,
  holdTransaction,
  killBlocked,
  startPayouts,
  untilBlocked,
  watched,
} from "@cpa-payouts/testing-servers";
import { startWorkers } from "@cpa-payouts/worker";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DATE, DUE, importUsers, progressOf } from "./paid-once.ts";

const USERS = 500;
/** How long a query hangs: long enough for a driver that counts its losses to pause for many seconds. */
const HANG_MS = 2_000;

describeOnBackends("database that refuses connections during a run", (kind) => {
  let flow: TestFlow;
  let workers: RunningWorker;

  beforeEach(async () => {
    flow = await openTestFlow({ kind, now: DUE });
    await importUsers(flow, USERS);
    // Jobs that an outage interrupts are taken over after seconds instead of up to 45 seconds.
    const tuning = { concurrency: 10, lockDurationMs: 2_000, stalledIntervalMs: 1_000 };
    workers = await startWorkers(flow.ctx, flow.backend, tuning);
  });
  afterEach(async () => {
    await workers.close();
    await flow.close();
  });

  it("workers wait while the database refuses connections, then finish the run", async () => {
    await startRun(flow.ctx, { date: DATE, trigger: "manual", actor: "test" });
    const progress = () => progressOf(flow);
    await eventually(async () => (await flow.database.sql`select from invoices limit 1`).length > 0, progress);
    const outage = await flow.database.outage();
    await outage.end();
    // The first query after an outage may fail because its connection is gone.
    const run = await eventually(() => findRun(flow.ctx.db, DATE.date).catch(() => null), progress);
    const followed = await watched("the run after the outage", progress, () =>
      followRun(flow.ctx, run.id, { onProgress: () => {} }),
    );
    expect(await summarizeRun(flow.ctx, followed)).toMatchObject({ state: "completed", invoiced: USERS, failed: 0 });
    expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
  });
});

describe("following a run whose database hangs or drops connections", () => {
  let flow: TestFlow;
  let run: PaymentRun;
  let workers: RunningWorker | null;

  beforeEach(async () => {
    flow = await openTestFlow({ kind: "postgres", now: DUE });
    workers = null;
    await importNetwork(flow.ctx, [{ externalId: "a" }, { externalId: "b" }, { externalId: "c", status: "closed" }]);
    run = await startRun(flow.ctx, { date: DATE, trigger: "manual", actor: "test" });
  });
  afterEach(async () => {
    await workers?.close();
    await flow.close();
  });

  /**
   * Follows the run while its first query waits for a lock, drops that connection, and has the run end.
   *
   * @returns the run as the one who follows it sees it in the end
   */
  const followThroughDrop = async (hang: () => Promise<unknown>, end: () => Promise<unknown>) => {
    const holder = await holdTransaction(flow.database, (sql) => sql`lock table payment_runs in access exclusive mode`);
    const followed = followRun(flow.ctx, run.id, { onProgress: () => {} });
    await untilBlocked(flow.database);
    await hang();
    await killBlocked(flow.database);
    await eventually(() => flow.log.of("database.away").length > 0);
    await holder.commit();
    await end();
    return watched(
      "the followed run",
      () => progressOf(flow),
      () => followed,
    );
  };

  it("following a run waits while the database is unreachable, then goes on", async () => {
    const followed = await followThroughDrop(
      async () => {},
      async () => {
        workers = await startWorkers(flow.ctx, flow.backend, { concurrency: 8 });
      },
    );
    expect(followed).toMatchObject({ state: "completed" });
  });

  it("following a run polls again after a query that hung", async () => {
    const followed = await followThroughDrop(
      () => sleep(HANG_MS),
      () => flow.database.sql`update payment_runs set state = 'cancelled', cancelled_at = now()`,
    );
    expect(followed).toMatchObject({ state: "cancelled" });
  });
});

describe("collector of traces that is away", () => {
  it("a collector that is away keeps a worker neither from its work nor from its end", async () => {
    const flow = await openTestFlow({ kind: "postgres", now: "2026-12-01T00:00:00Z" });
    await importUsers(flow, 12);
    await tick(flow.ctx);
    const worker = startPayouts(["worker", "--now", DUE], {
      ...environmentOf(flow),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
    });
    await eventually(
      async () => (await findRun(flow.ctx.db, DATE.date))?.state === "completed",
      () => progressOf(flow),
    );
    expect(await worker.stop()).toBe(0);
    await flow.close();
  });
});
