import { findRun, getRun, type PaymentRun } from "@cpa-payouts/db";
import { importNetwork, userIds } from "@cpa-payouts/db/testing";
import type { Queues } from "@cpa-payouts/jobs";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { eventually } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closeRun } from "./close-run.ts";
import { type Context, defaultPace } from "./context.ts";
import { createInvoiceBatch, failInvoice } from "./create-invoice.ts";
import { decide } from "./decide.ts";
import { fanOut } from "./fan-out.ts";
import { startRun } from "./start-run.ts";
import { openTestFlow, type TestFlow } from "./testing/index.ts";

const DATE = { date: "2026-12-07", kind: "first-monday" } as const;
const PACE = { ...defaultPace, decideChunk: 7, fanOutPage: 10, highWaterMark: 25 };
/** A snooze of more than 0 ms: a step that waits for others must not spin. */
const SNOOZED = { snoozeMs: expect.toSatisfy((ms: number) => ms > 0) };

let flow: TestFlow;
let run: PaymentRun;

/** Opens a run with `users` users to pay and, by default, decides it. No worker runs. */
async function open(kind: "postgres" | "redis", users: number, decided = true): Promise<void> {
  flow = await openTestFlow({ kind, now: "2026-12-07T02:00:00Z", pace: PACE });
  const network = Array.from({ length: users }, (_, index) => ({ externalId: `u${index}` }));
  await importNetwork(flow.ctx, network);
  run = await startRun(flow.ctx, { date: DATE, trigger: "manual", actor: "test" });
  if (decided) await decide(flow.ctx, { runId: run.id });
}

afterEach(async () => {
  await flow.close();
});

const step = () => ({ runId: run.id });
const stateOf = async () => (await getRun(flow.ctx.db, run.id)).state;
const jobStateOf = (queue: "runs" | "ticks" | "invoices", id: string) => flow.ctx.queues.bullmq[queue].getJobState(id);

async function queuedUsers(): Promise<number[]> {
  const jobs = await flow.ctx.queues.bullmq.invoices.getWaiting(0, -1);
  return jobs.map((job) => Number(job.data.userId)).sort((a, b) => a - b);
}

/** Creates the invoices of the first `count` open decisions, as workers would. */
async function work(count: number): Promise<void> {
  const rows = await flow.database.sql<{ user_id: bigint }[]>`
    select user_id from run_decisions where outcome = 'open' order by user_id limit ${count}`;
  const jobs = rows.map(({ user_id }) => ({ runId: run.id, userId: Number(user_id) }));
  await createInvoiceBatch(flow.ctx, jobs);
}

describe("open-run", () => {
  beforeEach(() => open("postgres", 1, false));

  it("opening a run queues its first step; opening it again after its end queues nothing", async () => {
    expect(await jobStateOf("runs", `decide-${run.id}`)).toBe("waiting");
    await decide(flow.ctx, step());
    await fanOut(flow.ctx, step());
    await work(1);
    await closeRun(flow.ctx, step());
    await flow.ctx.queues.bullmq.runs.drain();
    await startRun(flow.ctx, { date: DATE, trigger: "manual", actor: "test" });
    expect(await flow.ctx.queues.bullmq.runs.count()).toBe(0);
    expect((await findRun(flow.ctx.db, DATE.date))?.state).toBe("completed");
  });
});

describe("decide", () => {
  beforeEach(() => open("postgres", 30, false));

  it("all chunks of users are decided and the fan-out is queued", async () => {
    expect(await decide(flow.ctx, step())).toEqual({ decided: 30 });
    expect(await stateOf()).toBe("fanning-out");
    expect(await jobStateOf("runs", `fan-out-${run.id}`)).toBe("waiting");
  });

  it("deciding a run again decides no user, and queues the fan-out again if its job was lost", async () => {
    await decide(flow.ctx, step());
    await flow.ctx.queues.bullmq.runs.drain();
    expect(await decide(flow.ctx, step())).toEqual({ decided: 0 });
    expect(await jobStateOf("runs", `fan-out-${run.id}`)).toBe("waiting");
    await fanOut({ ...flow.ctx, pace: { ...PACE, highWaterMark: 100 } }, step());
    await flow.ctx.queues.bullmq.runs.drain();
    expect(await decide(flow.ctx, step())).toEqual({ decided: 0 });
    expect(await jobStateOf("runs", `fan-out-${run.id}`)).toBe("unknown");
  });
});

describeOnBackends("fan-out", (kind) => {
  beforeEach(() => open(kind, 60));

  it("the fan-out stops at the high-water mark and continues as the workers create invoices", async () => {
    expect(await fanOut(flow.ctx, step())).toEqual(SNOOZED);
    expect(await queuedUsers()).toHaveLength(25);
    expect(await fanOut(flow.ctx, step())).toEqual(SNOOZED);
    expect(await queuedUsers()).toHaveLength(25);
    await work(3);
    expect(await fanOut(flow.ctx, step())).toEqual(SNOOZED);
    expect(await queuedUsers()).toHaveLength(28);
    await work(25);
    expect(await fanOut(flow.ctx, step())).toEqual(SNOOZED);
    await work(25);
    expect(await fanOut(flow.ctx, step())).toEqual({ queued: 7 });
    expect(await queuedUsers()).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(await stateOf()).toBe("processing");
    expect(await jobStateOf("runs", `close-run-${run.id}`)).toBe("waiting");
  });

  it("the fan-out continues from its cursor after the queue failed in the middle of a page", async () => {
    let calls = 0;
    const enqueueAll: Queues["enqueueAll"] = async (name, payloads) => {
      calls += 1;
      if (calls !== 2) return flow.ctx.queues.enqueueAll(name, payloads);
      // As Redis fails when its memory is full: some of the jobs are added.
      await flow.ctx.queues.enqueueAll(name, payloads.slice(0, 4));
      throw new Error("OOM command not allowed");
    };
    const broken: Context = { ...flow.ctx, queues: { ...flow.ctx.queues, enqueueAll } };
    await expect(fanOut(broken, step())).rejects.toThrow("OOM");
    // The page after the failed one was under way and is queued, but the cursor stays before the gap.
    await eventually(async () => (await queuedUsers()).length === 19);
    expect(await queuedUsers()).not.toContain(15);
    expect((await getRun(flow.ctx.db, run.id)).fanOutCursor).toBe(10);
    const roomy = { ...flow.ctx, pace: { ...PACE, highWaterMark: 1_000 } };
    expect(await fanOut(roomy, step())).toEqual({ queued: 50 });
    expect(await queuedUsers()).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
  });

  it("concurrent fan-outs of one run queue each user once", async () => {
    const roomy = { ...flow.ctx, pace: { ...PACE, highWaterMark: 1_000 } };
    const ended = async () => !("snoozeMs" in (await fanOut(roomy, step())));
    // On a slow machine, each needs several activations.
    await Promise.all(Array.from({ length: 3 }, () => eventually(ended, queuedUsers)));
    expect(await queuedUsers()).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(await stateOf()).toBe("processing");
  });
});

describe("fan-out with full pages only", () => {
  it.each([0, 10, 20])("the fan-out of %i users, which fill its pages exactly, ends", async (users) => {
    await open("postgres", users);
    expect(await fanOut(flow.ctx, step())).toEqual({ queued: users });
    expect(await stateOf()).toBe("processing");
  });
});

describe("create-invoice", () => {
  beforeEach(() => open("postgres", 3));
  const job = async (externalId: string) => ({
    ...step(),
    userId: (await userIds(flow.database))[externalId] ?? 0,
  });

  it("each job gets its own outcome, in order, and a repeated job gets already-invoiced", async () => {
    const [first, second, third] = [await job("u0"), await job("u1"), await job("u2")];
    await flow.database.sql`update users set status = 'closed' where external_id = 'u1'`;
    const skipped = { outcome: "skipped", reason: "inactive" };
    const invoiced = ({ userId }: { userId: number }) => ({ outcome: "invoiced", number: `INV-20261207-${userId}` });
    expect(await createInvoiceBatch(flow.ctx, [third, second, first])).toEqual([
      invoiced(third),
      skipped,
      invoiced(first),
    ]);
    const done = { outcome: "already-invoiced" };
    expect(await createInvoiceBatch(flow.ctx, [first, second, third])).toEqual([done, skipped, done]);
    expect(flow.log.of("invoices.created")).toEqual([{ runId: run.id, jobs: 3, invoiced: 2, skipped: 1 }]);
  });

  it("a job whose user or run has no decision fails alone", async () => {
    const stranger = { ...step(), userId: 99 };
    const outcomes = await createInvoiceBatch(flow.ctx, [stranger, await job("u0"), { runId: 99, userId: 1 }]);
    expect(outcomes).toEqual([
      new Error(`run ${run.id} has no decision to pay user 99`),
      expect.objectContaining({ outcome: "invoiced" }),
      new Error("run 99 has no decision to pay user 1"),
    ]);
  });

  it("a failed job is recorded once, and never over an invoice", async () => {
    await failInvoice(flow.ctx, await job("u0"), "no luck");
    await failInvoice(flow.ctx, await job("u0"), "no luck");
    await createInvoiceBatch(flow.ctx, [await job("u1")]);
    await failInvoice(flow.ctx, await job("u1"), "no luck");
    expect(flow.log.of("invoice.failed")).toEqual([{ ...(await job("u0")), error: "no luck" }]);
  });
});

describe("close-run", () => {
  beforeEach(() => open("postgres", 2));

  it("a run stays open while a decision is open, then closes once and queues a tick", async () => {
    expect(await closeRun(flow.ctx, step())).toEqual(SNOOZED);
    await fanOut(flow.ctx, step());
    expect(await closeRun(flow.ctx, step())).toEqual(SNOOZED);
    await work(1);
    expect(await closeRun(flow.ctx, step())).toEqual(SNOOZED);
    await work(1);
    expect(await jobStateOf("ticks", "tick")).toBe("unknown");
    expect(await closeRun(flow.ctx, step())).toEqual({ closed: true });
    expect(await closeRun(flow.ctx, step())).toEqual({ closed: false });
    expect(await jobStateOf("ticks", "tick")).toBe("waiting");
    expect(flow.log.of("run.completed")).toHaveLength(1);
  });
});
