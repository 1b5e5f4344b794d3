import { getRun, type PaymentRun, requestCancel } from "@cpa-payouts/db";
import { importNetwork } from "@cpa-payouts/db/testing";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { holdTransaction, latch, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cancelRun } from "./cancel-run.ts";
import { closeRun } from "./close-run.ts";
import { type Context, defaultPace } from "./context.ts";
import { createInvoiceBatch, failInvoice } from "./create-invoice.ts";
import { decide } from "./decide.ts";
import { fanOut } from "./fan-out.ts";
import { resumeRun } from "./resume-run.ts";
import { retryRun } from "./retry-run.ts";
import { startRun } from "./start-run.ts";
import { openTestFlow, type TestFlow, waitingAfterWrites } from "./testing/index.ts";
import { verify } from "./verify.ts";

const DATE = { date: "2026-12-07", kind: "first-monday" } as const;
const PACE = { ...defaultPace, decideChunk: 7, fanOutPage: 10, highWaterMark: 25 };
const USERS = 60;
/** A snooze of more than 0 ms: the step waits for others. */
const SNOOZED = { snoozeMs: expect.toSatisfy((ms: number) => ms > 0) };

let flow: TestFlow;
let run: PaymentRun;

async function open(kind: "postgres" | "redis"): Promise<void> {
  flow = await openTestFlow({ kind, now: "2026-12-07T02:00:00Z", pace: PACE });
  await importNetwork(
    flow.ctx,
    Array.from({ length: USERS }, (_, index) => ({ externalId: `u${index}` })),
  );
  run = await startRun(flow.ctx, { date: DATE, trigger: "manual", actor: "test" });
}

afterEach(async () => {
  expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
  await flow.close();
});

const step = () => ({ runId: run.id });
const present = () => getRun(flow.ctx.db, run.id);
const waiting = () => flow.ctx.queues.bullmq.invoices.getWaitingCount();
const openJobs = async () => {
  const rows = await flow.database.sql<{ user_id: bigint }[]>`
    select user_id from run_decisions where outcome = 'open' order by user_id`;
  return rows.map(({ user_id }) => ({ runId: run.id, userId: Number(user_id) }));
};

/** A run in state `processing` all of whose users are open, and whose jobs are lost. */
async function loseAllJobs(): Promise<void> {
  await decide(flow.ctx, step());
  await fanOutFully({ ...flow.ctx, pace: { ...PACE, highWaterMark: USERS + 1 } });
  await flow.ctx.queues.bullmq.invoices.obliterate({ force: true });
  await flow.ctx.queues.bullmq.runs.obliterate({ force: true });
  expect(await present()).toMatchObject({ state: "processing" });
}

/** Fans out until the step waits or has ended; on a slow machine it needs several activations. */
async function fanOutFully(ctx: Context = flow.ctx) {
  for (;;) {
    const result = await fanOut(ctx, step());
    if (!("snoozeMs" in result) || result.snoozeMs > 0) return result;
  }
}

/** Settles what is queued, page by page, until the fan-out has come to the end. */
async function playToTheEnd(): Promise<number> {
  let most = 0;
  for (let result = await fanOutFully(); "snoozeMs" in result; result = await fanOutFully()) {
    most = Math.max(most, await waiting());
    await createInvoiceBatch(flow.ctx, await openJobs());
    await flow.ctx.queues.bullmq.invoices.drain();
  }
  await createInvoiceBatch(flow.ctx, await openJobs());
  expect(await closeRun(flow.ctx, step())).toEqual({ closed: true });
  return most;
}

describeOnBackends("run with more open decisions than the high-water mark", (kind) => {
  beforeEach(() => open(kind));

  it("a retry of many failed users queues no more jobs at a time than the high-water mark", async () => {
    await decide(flow.ctx, step());
    for (const job of await openJobs()) await failInvoice(flow.ctx, job, "no luck");
    await fanOutFully();
    await closeRun(flow.ctx, step());
    expect(await present()).toMatchObject({ state: "completed" });
    const retried = await retryRun(flow.ctx, { actor: "test" });
    expect(retried).toMatchObject({ status: "retried", retried: USERS, run: { state: "fanning-out" } });
    expect(await waiting()).toBe(0);
    expect(await flow.ctx.queues.bullmq.runs.getJobState(`fan-out-${run.id}`)).toBe("waiting");
    expect(await fanOutFully()).toEqual(SNOOZED);
    expect(await waiting()).toBe(PACE.highWaterMark);
    expect(await playToTheEnd()).toBeLessThanOrEqual(PACE.highWaterMark);
  });

  it("a tick queues lost jobs up to the high-water mark, and sends the fan-out back to the others", async () => {
    await loseAllJobs();
    await resumeRun(flow.ctx, await present());
    expect(await present()).toMatchObject({ state: "fanning-out", fanOutCursor: 30, fanOutRound: 1 });
    expect(await waiting()).toBe(30);
    expect(await flow.ctx.queues.bullmq.runs.getJobState(`fan-out-${run.id}`)).toBe("waiting");
    await playToTheEnd();
  });

  it("the closing of a run that a retry sent back to the fan-out waits for it, and queues it if it was not queued", async () => {
    await loseAllJobs();
    await failInvoice(flow.ctx, { runId: run.id, userId: 1 }, "no luck");
    await retryRun(flow.ctx, { actor: "test" });
    await flow.ctx.queues.bullmq.runs.obliterate({ force: true });
    expect(await closeRun(flow.ctx, step())).toEqual(SNOOZED);
    expect(await flow.ctx.queues.bullmq.runs.getJobState(`fan-out-${run.id}`)).toBe("waiting");
    await playToTheEnd();
  });

  it("a tick leaves a run alone whose jobs are all queued", async () => {
    await decide(flow.ctx, step());
    await fanOutFully();
    const before = await present();
    expect(before).toMatchObject({ state: "fanning-out" });
    await resumeRun(flow.ctx, before);
    expect(await present()).toEqual(before);
    expect(flow.log.of("jobs.requeued")).toEqual([]);
  });
});

describe("run that is cancelled while it decides", () => {
  beforeEach(() => open("postgres"));

  it("a run is cancelled although it moves on with every chunk of its decisions", async () => {
    // Every chunk comes to a decision that another client holds until the request waits for the run's row.
    const holder = await holdTransaction(
      flow.database,
      (sql) => sql`
        insert into run_decisions (run_id, user_id, decision, balance_cents, outcome) values (${run.id}, 20, 'pay', 1, 'open')`,
    );
    const isCancelled = latch();
    // When the third chunk is released, it is chance whether the request or a fourth chunk gets the run's row first.
    const decided = decide(
      waitingAfterWrites(flow.ctx, 3, () => isCancelled.opened),
      step(),
    );
    await untilBlocked(flow.database, 1);
    const cancelled = cancelRun(flow.ctx, { paymentDate: DATE.date, reason: "wrong file", actor: "test" });
    await untilBlocked(flow.database, 2);
    await holder.rollback();
    expect(await cancelled).toEqual({ status: "cancelled", skipped: 21 });
    isCancelled.open();
    expect(await decided).toEqual({ decided: 21 });
    expect(await present()).toMatchObject({ state: "cancelled", decideCursor: 21 });
  });

  it("the steps of a run that is being cancelled hand it over to its closing, which skips the users", async () => {
    await decide(flow.ctx, step());
    await requestCancel(flow.ctx.db, { ...step(), reason: "wrong file", actor: "test", now: flow.clock() });
    await flow.ctx.queues.bullmq.runs.obliterate({ force: true });
    expect(await decide(flow.ctx, step())).toEqual({ decided: 0 });
    expect(await fanOut(flow.ctx, step())).toEqual({ queued: 0 });
    expect(await flow.ctx.queues.bullmq.runs.getJobState(`close-run-${run.id}`)).toBe("waiting");
    expect(flow.log.of("run.fanned-out")).toEqual([]);
    expect(await closeRun(flow.ctx, step())).toEqual({ closed: true });
    expect(await present()).toMatchObject({ state: "cancelled" });
    expect(await closeRun(flow.ctx, step())).toEqual({ closed: false });
    expect(flow.log.of("run.cancelled")).toHaveLength(1);
  });

  it("a tick takes a run further that is being cancelled, and a second request says how it ended", async () => {
    await decide(flow.ctx, step());
    await requestCancel(flow.ctx.db, { ...step(), reason: "wrong file", actor: "test", now: flow.clock() });
    await flow.ctx.queues.bullmq.runs.obliterate({ force: true });
    await resumeRun(flow.ctx, await present());
    expect(await flow.ctx.queues.bullmq.runs.getJobState(`close-run-${run.id}`)).toBe("waiting");
    expect(await retryRun(flow.ctx, { actor: "test" })).toMatchObject({ status: "cancelled" });
    const again = await cancelRun(flow.ctx, { paymentDate: DATE.date, reason: "again", actor: "test" });
    expect(again).toEqual({ status: "cancelled", skipped: USERS });
  });
});
