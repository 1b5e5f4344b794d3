import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { environmentOf, openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import {
  type Bundle,
  bundlePayouts,
  holdTransaction,
  type PayoutsProcess,
  startPayouts,
  untilBlocked,
} from "@cpa-payouts/testing-servers";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

import { DUE } from "./paid-once.ts";
import { linesOf } from "./worker-pool.ts";

/** Goal: a deployment may stop a worker at any moment, also during its start. */
describeOnBackends("stop signal during the start of a worker", (kind) => {
  let bundle: Bundle;
  let flow: TestFlow;

  beforeAll(async () => {
    bundle = await bundlePayouts();
  });
  afterAll(() => bundle.remove());

  beforeEach(async () => {
    flow = await openTestFlow({ kind, now: DUE });
  });
  afterEach(() => flow.close());

  const start = () =>
    startPayouts(["worker", "--now", DUE], { ...environmentOf(flow), LOG_LEVEL: "info" }, [bundle.file]);

  const expectOrderlyEnd = async (worker: PayoutsProcess) => {
    expect(await worker.ended()).toBe(0);
    expect(linesOf([worker]).filter(({ level }) => level === "error")).toEqual([]);
    expect(linesOf([worker]).at(-1)?.event).toBe("worker.stopped");
  };

  /** Sends SIGTERM to a worker whose start-up waits for a migration by another process. */
  const stopWhileItWaits = async () => {
    const migrating = await holdTransaction(
      flow.database,
      (sql) => sql`lock table drizzle.__drizzle_migrations in access exclusive mode`,
    );
    const worker = start();
    await untilBlocked(flow.database);
    worker.child.kill("SIGTERM");
    await worker.untilSays("worker.stopping");
    return { worker, migrating };
  };

  it("a worker that is stopped while its start-up waits for the database ends in order once that answers", async () => {
    const { worker, migrating } = await stopWhileItWaits();
    await migrating.rollback();
    await expectOrderlyEnd(worker);
  });

  it.each(["ticks.scheduled", "worker.started"])(
    "a worker that is stopped at the moment it logs %s ends in order",
    async (event) => {
      const worker = start();
      await worker.untilSays(event);
      worker.child.kill("SIGTERM");
      await expectOrderlyEnd(worker);
    },
  );

  it("a worker that is stopped twice ends at once", async () => {
    const { worker, migrating } = await stopWhileItWaits();
    expect(await worker.stop("SIGTERM")).toBe(1);
    await migrating.rollback();
  });
});
