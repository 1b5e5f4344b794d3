import { OperationError } from "@cpa-payouts/core";
import { findRun, recordTick, recordTickSuccess } from "@cpa-payouts/db";
import { importNetwork } from "@cpa-payouts/db/testing";
import { scheduleTicks } from "@cpa-payouts/jobs";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { createReadiness, startRun } from "@cpa-payouts/pipeline";
import { openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { eventually, migrationsFolder, parseMetrics } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openProcessMetrics, openWorkerMeter } from "./metrics.ts";
import { type Monitoring, startMonitoring } from "./monitoring.ts";
import { startWorkers } from "./workers.ts";

const LOOPBACK = { host: "127.0.0.1", port: 0 };

let flow: TestFlow;
let monitoring: Monitoring;

async function open(kind: "postgres" | "redis" = "postgres") {
  flow = await openTestFlow({ kind, now: "2026-12-07T02:30:00Z" });
  const metrics = openProcessMetrics();
  const meter = openWorkerMeter(metrics.registry);
  const readiness = createReadiness({ ...flow, migrationsFolder });
  monitoring = await startMonitoring({ address: LOOPBACK, readiness, metrics: metrics.text, log: flow.log });
  return meter;
}

afterEach(async () => {
  await monitoring.close();
  await flow.close();
});

const scrape = async () => parseMetrics(await (await fetch(`${monitoring.url}/metrics`)).text());

describe("monitoring port", () => {
  beforeEach(async () => {
    await open();
  });

  it("the monitoring port says whether the worker is alive and the installation ready, without details", async () => {
    const ask = async (path: string) => {
      const response = await fetch(`${monitoring.url}${path}`);
      return [response.status, await response.json()];
    };
    expect(await ask("/livez")).toEqual([200, { status: "alive" }]);
    expect(await ask("/readyz")).toEqual([503, { status: "not-ready" }]);
    await recordTick(flow.ctx.db, flow.clock(), { isAlerting: false });
    await recordTickSuccess(flow.ctx.db, flow.clock());
    await scheduleTicks(flow.ctx.queues, flow.ctx.policy.schedule);
    expect(await ask("/readyz?verbose")).toEqual([200, { status: "ready" }]);
    expect(await ask("/")).toEqual([404, { status: "not-found" }]);
  });

  it("the monitoring port accepts GET and HEAD only", async () => {
    const head = await fetch(`${monitoring.url}/metrics`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
      200,
      "text/plain; version=0.0.4; charset=utf-8",
      "",
    ]);
    expect((await fetch(`${monitoring.url}/livez`, { method: "POST" })).status).toBe(405);
  });

  it("the metrics hold the figures of the process and the worker's counters, from zero", async () => {
    // The event loop lag is measured from one scrape to the next.
    await eventually(async () => ((await scrape()).get("nodejs_eventloop_lag_p99_seconds") ?? 0) > 0);
    const samples = await scrape();
    expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(0);
    expect(samples.get("payouts_invoice_batch_jobs_count")).toBe(0);
    expect([...samples.keys()].filter((name) => /amount|cents|balance/.test(name))).toEqual([]);
  });

  it("a monitoring port that is in use is refused in one line", async () => {
    const address = { ...LOOPBACK, port: Number(new URL(monitoring.url).port) };
    const second = startMonitoring({ address, readiness: async () => [], metrics: async () => "", log: flow.log });
    await expect(second).rejects.toThrow(OperationError);
    await expect(second).rejects.toThrow(
      /^the metrics cannot be served on 127\.0\.0\.1:\d+: .*EADDRINUSE.*; set METRICS_HOST and METRICS_PORT$/,
    );
  });
});

describeOnBackends("worker metrics", (kind) => {
  it("every create-invoice job is counted once, and so is every batch", async () => {
    const meter = await open(kind);
    const users = Array.from({ length: 40 }, (_, index) => ({ externalId: `user-${index}` }));
    await importNetwork(flow.ctx, users);
    const workers = await startWorkers(flow.ctx, flow.backend, { concurrency: 40, meter });
    const date = { date: "2026-12-07", kind: "first-monday" } as const;
    await startRun(flow.ctx, { date, trigger: "manual", actor: "test" });
    await eventually(async () => (await findRun(flow.ctx.db, "2026-12-07"))?.state === "completed");
    await workers.close();
    const samples = await scrape();
    const batches = samples.get("payouts_invoice_batch_jobs_count") ?? 0;
    expect(samples.get("payouts_invoice_batch_jobs_sum")).toBe(40);
    expect(batches).toBeGreaterThan(0);
    expect(batches).toBeLessThanOrEqual(40);
    expect(samples.get('payouts_invoice_batch_duration_seconds_count{result="done"}')).toBe(batches);
    expect(samples.get('payouts_invoice_batch_duration_seconds_sum{result="done"}')).toBeGreaterThan(0);
  });

  it("a failed job that is tried again counts as a retry, not as a failure", async () => {
    const meter = await open(kind);
    const workers = await startWorkers(flow.ctx, flow.backend, { concurrency: 1, meter });
    // There is no such run: the step fails, and will be tried again.
    await flow.ctx.queues.enqueue("close-run", { runId: 4_711 });
    await eventually(async () => (await scrape()).get('payouts_job_retries_total{job="close-run"}'));
    await workers.close();
    expect((await scrape()).get('payouts_job_failures_total{job="close-run"}')).toBeUndefined();
  });
});
