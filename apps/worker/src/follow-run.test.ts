import type { PaymentRun } from "@cpa-payouts/db";
import { importNetwork } from "@cpa-payouts/db/testing";
import type { RunningWorker } from "@cpa-payouts/jobs";
import { followRun, type RunProgress, startRun } from "@cpa-payouts/pipeline";
import { openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { eventually } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startWorkers } from "./workers.ts";

let flow: TestFlow;
let run: PaymentRun;
let workers: RunningWorker | null;

beforeEach(async () => {
  flow = await openTestFlow({ kind: "postgres", now: "2026-12-07T02:00:00Z" });
  workers = null;
  await importNetwork(flow.ctx, [{ externalId: "a" }, { externalId: "b" }, { externalId: "c", status: "closed" }]);
  const date = { date: "2026-12-07", kind: "first-monday" } as const;
  run = await startRun(flow.ctx, { date, trigger: "manual", actor: "test" });
});

afterEach(async () => {
  await workers?.close();
  await flow.close();
});

describe("following a run", () => {
  it("following a run reports its progress until it is completed", async () => {
    const progress: RunProgress[] = [];
    const followed = followRun(flow.ctx, run.id, { onProgress: (step) => progress.push(step) });
    await eventually(() => progress.length > 0);
    expect(progress[0]).toEqual({ state: "deciding", done: 0, total: 3 });
    workers = await startWorkers(flow.ctx, flow.backend, { concurrency: 8 });
    expect(await followed).toMatchObject({ id: run.id, state: "completed" });
    expect(progress.at(-1)).toEqual({ state: "completed", done: 3, total: 3 });
  });

  it("following a run that is over ends at once", async () => {
    await flow.database.sql`update payment_runs set state = 'cancelled', cancelled_at = now()`;
    const progress: RunProgress[] = [];
    const onProgress = (step: RunProgress) => progress.push(step);
    expect(await followRun(flow.ctx, run.id, { onProgress })).toMatchObject({ state: "cancelled" });
    expect(progress).toHaveLength(1);
  });

  it("following a run stops when its signal is aborted", async () => {
    const controller = new AbortController();
    const followed = followRun(flow.ctx, run.id, {
      onProgress: () => controller.abort(),
      signal: controller.signal,
    });
    await expect(followed).rejects.toMatchObject({ name: "AbortError" });
  });

  it("following a run that does not exist fails", async () => {
    await expect(followRun(flow.ctx, 999, { onProgress: () => {} })).rejects.toThrow("there is no payment run 999");
  });
});
