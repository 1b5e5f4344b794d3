import { eventually } from "@cpa-payouts/testing-servers";
import type { Telemetry } from "bullmq";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Backend } from "./backend.ts";
import { openBackend, openQueues, type Queues } from "./queues.ts";
import { scheduleTicks } from "./schedule.ts";
import { describeOnBackends, openTestQueues, startTestWorkers, type TestQueues } from "./testing/index.ts";

const DAILY = { pattern: "0 2 * * *", timeZone: "UTC" };
const TRACE = '{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}';

/** Telemetry with the same trace context for every span: enough to see what jobs carry. */
function carryingTelemetry(): Telemetry {
  const span = {
    setSpanOnContext: (context: unknown) => context,
    setAttribute: () => {},
    setAttributes: () => {},
    addEvent: () => {},
    recordException: () => {},
    end: () => {},
  };
  return {
    tracer: { startSpan: () => span },
    contextManager: {
      with: (_context, work) => work() as ReturnType<typeof work>,
      active: () => ({}),
      getMetadata: () => TRACE,
      fromMetadata: (context) => context,
    },
  };
}

describeOnBackends("traces", (kind) => {
  let opened: TestQueues;
  let backend: Backend;
  let queues: Queues;

  beforeEach(async () => {
    opened = await openTestQueues(kind);
    backend = openBackend(opened.backendConfig, carryingTelemetry());
    queues = openQueues(backend, () => {});
  });

  afterEach(async () => {
    await queues.close();
    await backend.close();
    await opened.close();
  });

  const tracesOf = async (queue: "ticks" | "invoices", state: "waiting" | "delayed") => {
    const jobs = await queues.bullmq[queue].getJobs([state]);
    return jobs.map(({ opts }) => opts.telemetry?.metadata || null);
  };

  it("a job carries its trace context in less than a hundred bytes", async () => {
    await queues.enqueueAll("create-invoice", [{ runId: 1, userId: 1 }]);
    await queues.enqueue("create-invoice", { runId: 1, userId: 2 });
    expect(await tracesOf("invoices", "waiting")).toEqual([TRACE, TRACE]);
    expect(TRACE.length).toBeLessThan(100);
  });

  it("a trace begins at a tick and does not continue into the next tick", async () => {
    await scheduleTicks(queues, DAILY);
    expect(await tracesOf("ticks", "waiting")).toEqual([null]);
    expect(await tracesOf("ticks", "delayed")).toEqual([null, null]);
    let ticks = 0;
    const tick = async () => {
      ticks += 1;
      return { ticks };
    };
    const workers = await startTestWorkers({ ...opened, backend }, { queues: ["ticks"], handlers: { tick } });
    for (const { id } of await queues.bullmq.ticks.getJobs(["delayed"])) {
      const scheduled = await queues.bullmq.ticks.getJob(id ?? "");
      await scheduled?.promote();
    }
    await eventually(() => ticks === 3);
    await eventually(async () => (await tracesOf("ticks", "delayed")).length === 2);
    expect(await tracesOf("ticks", "delayed")).toEqual([null, null]);
    await workers.close();
  });
});
