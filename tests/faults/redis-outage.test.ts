import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { importNetwork } from "@cpa-payouts/db/testing";
import type { RunningWorker } from "@cpa-payouts/jobs";
import { followRun, startRun, summarizeRun, tick, verify } from "@cpa-payouts/pipeline";
import { openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { eventually, type RedisServer, startRedis, watched } from "@cpa-payouts/testing-servers";
import { startWorkers } from "@cpa-payouts/worker";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { progressOf } from "./paid-once.ts";

const USERS = 1_000;
const binary = inject("redisBinary");

/** Losing Redis or all of its data in the middle of a run must cost seconds, never an invoice. */
describe.skipIf(binary === null)("Redis outage during a run", () => {
  let folder: string;
  let redis: RedisServer;
  let flow: TestFlow;
  let workers: RunningWorker;

  beforeEach(async () => {
    folder = path.join(tmpdir(), `payouts-redis-${randomUUID()}`);
    redis = await startRedis({ binary: binary ?? "", folder });
    flow = await openTestFlow({ kind: "redis", now: "2026-12-07T09:00:00Z", redisUrl: redis.url });
    await importNetwork(
      flow.ctx,
      Array.from({ length: USERS }, (_, index) => ({ externalId: `u${index}` })),
    );
    workers = await startWorkers(flow.ctx, flow.backend, {
      concurrency: 5,
      lockDurationMs: 2_000,
      stalledIntervalMs: 1_000,
    });
  });

  afterEach(async () => {
    await workers.close();
    await flow.close();
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  const startAndWaitForInvoices = async () => {
    const date = { date: "2026-12-07", kind: "first-monday" } as const;
    const run = await startRun(flow.ctx, { date, trigger: "manual", actor: "test" });
    await eventually(
      async () => (await flow.database.sql`select from invoices`).length > 50,
      () => progressOf(flow),
    );
    return run;
  };

  const expectFinished = async (runId: number) => {
    const finished = await watched(
      "the run without Redis",
      () => progressOf(flow),
      () => followRun(flow.ctx, runId, { onProgress: () => {} }),
    );
    const left = USERS - (await flow.database.sql`select from invoices`).length;
    expect(left).toBe(0);
    expect(await summarizeRun(flow.ctx, finished)).toMatchObject({ state: "completed", invoiced: USERS, failed: 0 });
    expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
  };

  it("a run goes on by itself after Redis is killed and restarted with its append-only file", async () => {
    const run = await startAndWaitForInvoices();
    const { port } = new URL(redis.url);
    await redis.stop("SIGKILL");
    redis = await startRedis({ binary: binary ?? "", folder, port: Number(port) });
    await expectFinished(run.id);
  });

  it("a run is queued again by the next tick after Redis has lost all data", async () => {
    const run = await startAndWaitForInvoices();
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    expect((await flow.database.sql`select from invoices`).length).toBeLessThan(USERS);
    await tick(flow.ctx);
    await expectFinished(run.id);
    expect(flow.log.of("jobs.requeued").length).toBeGreaterThan(0);
  });
});
