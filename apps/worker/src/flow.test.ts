import { describeOnBackends, importNetwork, openTestFlow, type TestFlow } from "@cpa-payouts/testing";
import { findRun } from "@cpa-payouts/db";
import type { RunningWorker } from "@cpa-payouts/jobs";
import { followRun, summarizeRun, tick, verify } from "@cpa-payouts/pipeline";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startWorkers } from "./workers.ts";

describeOnBackends("the flow of a payment date", (kind) => {
  let flow: TestFlow;
  let workers: RunningWorker;

  beforeEach(async () => {
    flow = await openTestFlow({ kind, now: "2026-12-01T00:00:00Z" });
    workers = await startWorkers(flow.ctx, flow.backend, { concurrency: 10 });
  });

  afterEach(async () => {
    await workers.close();
    await flow.close();
  });

  it("runs", async () => {
    await importNetwork(flow.ctx, [
      { externalId: "a" },
      { externalId: "b", status: "suspended" },
      { externalId: "c", balance: "99.99" },
      { externalId: "d", method: "pending" },
      { externalId: "e", previousInvoices: 0 },
      { externalId: "f", balance: "0" },
    ]);
    await tick(flow.ctx);
    flow.clock.set("2026-12-07T02:00:00Z");
    await tick(flow.ctx);
    const run = await findRun(flow.ctx.db, "2026-12-07");
    if (!run) throw new Error("no run");
    const finished = await followRun(flow.ctx, run.id, { onProgress: () => {} });
    console.log(await summarizeRun(flow.ctx, finished), flow.log.lines.map((l) => l.event + JSON.stringify(l.fields)));
    expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
  });
});
