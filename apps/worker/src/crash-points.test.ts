import { addMonths, nextPaymentDate, type PaymentDate } from "@cpa-payouts/core";
import { getRun, isDataError } from "@cpa-payouts/db";
import { importNetwork, userIds } from "@cpa-payouts/db/testing";
import { describeOnBackends, startTestWorkers } from "@cpa-payouts/jobs/testing";
import {
  type Context,
  createInvoiceBatch,
  credit,
  decide,
  defaultPace,
  failInvoice,
  fanOut,
  followRun,
  type RunProgress,
  resumeRun,
  retryRun,
  startRun,
  summarizeRun,
  verify,
} from "@cpa-payouts/pipeline";
import { dyingContext, openTestFlow, type TestFlow } from "@cpa-payouts/pipeline/testing";
import { eventually, watched } from "@cpa-payouts/testing-servers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startWorkers } from "./workers.ts";

const USERS = ["a", "b", "c", "d"];
/** Two pages of users, and an empty one that ends the fan-out. */
const PACE = { ...defaultPace, fanOutPage: 2, decideChunk: 3 };
const LONG_MS = 3_600_000;
/** No step of these tests writes as often. */
const NEVER = 1_000;
/** The writes of a fan-out: three pages and cursors, and the job that closes the run. */
const FAN_OUT_WRITES = 7;
/** After the last page was queued, and before its cursor is stored. */
const LAST_CURSOR_LOST = 3;
/** The writes of a retry: two chunks, and the jobs of fan-out and closing. The fan-out then writes as above. */
const RETRY_WRITES = 4;

const upTo = (count: number) => Array.from({ length: count + 1 }, (_, index) => index);

/** After how many writes the first fan-out dies, and after how many the retry and its fan-out. */
const points = [
  ...upTo(FAN_OUT_WRITES).map((first) => ({ first, second: 1 })),
  ...upTo(RETRY_WRITES + FAN_OUT_WRITES).flatMap((second) =>
    [NEVER, LAST_CURSOR_LOST].map((first) => ({ first, second })),
  ),
];

/**
 * Goal: whenever a process dies between two writes of fan-out and retry, the next tick finds what is open, and the run ends
 * with all of its invoices.
 */
describeOnBackends("run whose processes die", (kind) => {
  let flow: TestFlow;
  let ids: Record<string, number>;
  let date: PaymentDate = { date: "2026-12-07", kind: "first-monday" };

  beforeAll(async () => {
    flow = await openTestFlow({ kind, now: "2026-12-07T02:00:00Z", pace: PACE });
    await importNetwork(
      flow.ctx,
      USERS.map((externalId) => ({ externalId, balance: "0.00" })),
    );
    ids = await userIds(flow.database);
  });
  afterAll(() => flow.close());

  const openDecidedRun = async () => {
    date = nextPaymentDate(date.date);
    flow.clock.set(`${addMonths(date.date, 1)}T02:00:00Z`);
    for (const externalId of USERS)
      await credit(flow.ctx, {
        externalId,
        amountCents: 150_00n,
        key: `${date.date}-${externalId}`,
        keyOwner: "cli",
        actor: "test",
      });
    const { id: runId } = await startRun(flow.ctx, { date, trigger: "manual", actor: "test" });
    await decide(flow.ctx, { runId });
    return runId;
  };

  /** Works on the queued invoices; those of the second and of the last user fail for the last time. */
  const workBadly = async () => {
    const failing = new Set([ids.b, ids.d]);
    const worker = await startTestWorkers(flow, {
      queues: ["invoices"],
      handlers: {
        "create-invoice": async (job) => {
          if (!failing.has(job.userId)) await createInvoiceBatch(flow.ctx, [job]);
          else await failInvoice(flow.ctx, job, "no luck");
          if (failing.has(job.userId)) throw new Error("no luck");
          return {};
        },
      },
      events: { isFinal: () => true },
    });
    const { invoices } = flow.ctx.queues.bullmq;
    await eventually(async () => {
      const counts = await invoices.getJobCounts("waiting", "active", "delayed", "prioritized");
      return Object.values(counts).every((count) => count === 0);
    });
    await worker.close();
  };

  const untilDeath = async (ctx: Context, step: (ctx: Context) => Promise<unknown>) => {
    await step(ctx).catch((cause: unknown) => {
      if (isDataError(cause) || !String(cause).includes("the process has died")) throw cause;
    });
  };

  const finish = async (runId: number) => {
    const workers = await startWorkers(flow.ctx, flow.backend, { concurrency: 8, queues: ["runs", "invoices"] });
    let progress: RunProgress | null = null;
    const onProgress = (present: RunProgress) => {
      progress = present;
    };
    const finished = await watched(
      "the run whose processes died",
      () => progress,
      () => followRun(flow.ctx, runId, { onProgress, standstillMs: LONG_MS }),
    );
    await workers.close();
    return summarizeRun(flow.ctx, finished);
  };

  it.each(points)(
    "a run whose fan-out dies after $first writes and whose retry dies after $second pays every user once",
    async ({ first, second }) => {
      const runId = await openDecidedRun();
      await untilDeath(dyingContext(flow.ctx, first), (ctx) => fanOut(ctx, { runId }));
      await workBadly();
      await fanOut(flow.ctx, { runId });
      await workBadly();
      await untilDeath(dyingContext(flow.ctx, second), async (ctx) => {
        await retryRun(ctx, { paymentDate: date.date, actor: "test" });
        await fanOut(ctx, { runId });
      });
      // What the next tick does.
      await resumeRun(flow.ctx, await getRun(flow.ctx.db, runId));
      const summary = await finish(runId);
      if (summary.failed > 0) {
        // The process died before it opened all of them; another retry does.
        await retryRun(flow.ctx, { paymentDate: date.date, actor: "test" });
      }
      expect(await finish(runId)).toMatchObject({ state: "completed", considered: 4, invoiced: 4, failed: 0 });
      expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
    },
  );
});
