import type { PaymentDate } from "@cpa-payouts/core";
import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../client.ts";
import { findViolations } from "../reads/invariants.ts";
import { datesWithRun, getRun, listUnfinishedRuns, type PaymentRun } from "../reads/runs.ts";
import { findScheduler } from "../reads/scheduler.ts";
import { decidedRun, fingerprint, openTestData, type TestData, testPolicy } from "../testing/index.ts";
import { advanceFanOut } from "./advance-fan-out.ts";
import { completeRun } from "./complete-run.ts";
import { createInvoices } from "./create-invoices.ts";
import { openRun } from "./open-run.ts";
import { recordFailure } from "./record-failure.ts";
import { recordTick } from "./record-tick.ts";
import { reopenFailed } from "./reopen-failed.ts";

const DATE: PaymentDate = { date: "2026-12-07", kind: "first-monday" };
const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ now: NOW.toISOString(), users: [{ externalId: "a" }, { externalId: "b" }] });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

const input = { date: DATE, trigger: "schedule", policy: testPolicy, actor: "test", now: NOW } as const;

describe("opening of a run", () => {
  it("a run is opened once per payment date, however many processes try at once", async () => {
    const many = connect({ url: data.database.url, max: 16 });
    const results = await Promise.all(Array.from({ length: 20 }, () => openRun(many.db, input)));
    await many.close();
    expect(results.filter(({ opened }) => opened)).toHaveLength(1);
    expect(new Set(results.map(({ run }) => run.id)).size).toBe(1);
    const audit = await data.database.sql`select actor, object, after from audit_log where action = 'run.open'`;
    expect([...audit]).toEqual([
      {
        actor: "test",
        object: "run:2026-12-07",
        after: { kind: "first-monday", trigger: "schedule", state: "deciding" },
      },
    ]);
  });

  it("a run keeps the policy it was opened with", async () => {
    await openRun(data.ctx.db, input);
    const later = { ...testPolicy, minimumBalanceCents: 1n };
    const { run } = await openRun(data.ctx.db, { ...input, policy: later, trigger: "manual" });
    expect(run).toMatchObject({
      trigger: "schedule",
      minimumBalanceCents: 100_00n,
      policy: { timeZone: "UTC", tickCron: "0 2 * * *", minimumBalance: "100.00", catchUpDays: 7 },
    });
  });

  it("an open run is found by its date and listed as unfinished, and an unknown run is an error", async () => {
    const { run } = await openRun(data.ctx.db, input);
    expect(await datesWithRun(data.ctx.db, ["2026-12-07", "2026-12-21"])).toEqual(new Set(["2026-12-07"]));
    expect(await datesWithRun(data.ctx.db, [])).toEqual(new Set());
    expect((await listUnfinishedRuns(data.ctx.db)).map(({ id }) => id)).toEqual([run.id]);
    await expect(getRun(data.ctx.db, 999)).rejects.toThrow("there is no payment run 999");
  });
});

/** A run in state `processing`, with one user invoiced and the other one failed. */
async function runWithFailure(): Promise<PaymentRun> {
  const { id: runId } = await decidedRun(data.ctx, DATE.date);
  await advanceFanOut(data.ctx.db, { runId, cursor: 2, finished: true, now: NOW });
  await createInvoices(data.ctx.db, { runId, userIds: [1], now: NOW });
  await recordFailure(data.ctx.db, { runId, userId: 2, error: "no luck", now: NOW });
  return getRun(data.ctx.db, runId);
}

const reopen = (runId: number) => reopenFailed(data.ctx.db, { runId, actor: "test", now: NOW });

describe("cursor of the fan-out", () => {
  it("the fan-out's cursor never moves back, and the last page moves the run on once", async () => {
    const { id: runId } = await decidedRun(data.ctx, DATE.date);
    const step = { runId, now: NOW, finished: false };
    await advanceFanOut(data.ctx.db, { ...step, cursor: 2 });
    await advanceFanOut(data.ctx.db, { ...step, cursor: 1 });
    expect(await getRun(data.ctx.db, runId)).toMatchObject({ fanOutCursor: 2, state: "fanning-out" });
    await advanceFanOut(data.ctx.db, { ...step, cursor: 1, finished: true });
    await advanceFanOut(data.ctx.db, { ...step, cursor: 1, finished: true });
    expect(await getRun(data.ctx.db, runId)).toMatchObject({ fanOutCursor: 2, state: "processing", fannedOutAt: NOW });
    const audit = await data.database.sql`select action from audit_log where action = 'run.fan-out'`;
    expect(audit).toHaveLength(1);
    await createInvoices(data.ctx.db, { runId, userIds: [1, 2], now: NOW });
  });
});

describe("closing of a run", () => {
  it("a run is closed once, after its last open decision is settled", async () => {
    const { id: runId } = await decidedRun(data.ctx, DATE.date);
    await advanceFanOut(data.ctx.db, { runId, cursor: 2, finished: true, now: NOW });
    const run = await getRun(data.ctx.db, runId);
    expect(await completeRun(data.ctx.db, run, NOW)).toBe(false);
    await createInvoices(data.ctx.db, { runId, userIds: [1], now: NOW });
    expect(await completeRun(data.ctx.db, run, NOW)).toBe(false);
    await recordFailure(data.ctx.db, { runId, userId: 2, error: "no luck", now: NOW });
    expect(await completeRun(data.ctx.db, run, NOW)).toBe(true);
    expect(await completeRun(data.ctx.db, run, NOW)).toBe(false);
    expect(await getRun(data.ctx.db, runId)).toMatchObject({ state: "completed", completedAt: NOW });
  });

  it("a run is not closed before its fan-out is finished", async () => {
    const run = await decidedRun(data.ctx, DATE.date);
    await createInvoices(data.ctx.db, { runId: run.id, userIds: [1, 2], now: NOW });
    expect(await completeRun(data.ctx.db, run, NOW)).toBe(false);
  });
});

describe("retry of failed decisions", () => {
  it("a retry reopens the failed decisions and their completed run, under the actor's name", async () => {
    const run = await runWithFailure();
    await completeRun(data.ctx.db, run, NOW);
    expect(await reopen(run.id)).toEqual([2]);
    expect(await getRun(data.ctx.db, run.id)).toMatchObject({ state: "processing", completedAt: null, retries: 1 });
    const audit = await data.database.sql`select actor, before, after from audit_log where action = 'run.retry'`;
    expect([...audit]).toEqual([
      { actor: "test", before: { state: "completed" }, after: { state: "processing", reopened: 1 } },
    ]);
  });

  it("a retry changes nothing when no decision failed", async () => {
    const run = await runWithFailure();
    await reopen(run.id);
    await createInvoices(data.ctx.db, { runId: run.id, userIds: [2], now: NOW });
    await completeRun(data.ctx.db, await getRun(data.ctx.db, run.id), NOW);
    const before = await fingerprint(data.database);
    expect(await reopen(run.id)).toEqual([]);
    expect(await reopen(999)).toEqual([]);
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a run is not closed by a statement that began before a retry and waited for it", async () => {
    const run = await runWithFailure();
    const holder = await holdTransaction(data.database, (sql) => sql`select from payment_runs for update`);
    const retried = reopen(run.id);
    await untilBlocked(data.database, 1);
    const closed = completeRun(data.ctx.db, run, NOW);
    await untilBlocked(data.database, 2);
    await holder.commit();
    expect([await retried, await closed]).toEqual([[2], false]);
    expect(await getRun(data.ctx.db, run.id)).toMatchObject({ state: "processing" });
  });

  it("a run is not closed by a process that read it before a retry and acts after it", async () => {
    const run = await runWithFailure();
    await reopen(run.id);
    await createInvoices(data.ctx.db, { runId: run.id, userIds: [2], now: NOW });
    expect(await completeRun(data.ctx.db, run, NOW)).toBe(false);
    expect(await completeRun(data.ctx.db, await getRun(data.ctx.db, run.id), NOW)).toBe(true);
  });

  it("a retry that waited for the closing of the run reopens it", async () => {
    const run = await runWithFailure();
    const holder = await holdTransaction(data.database, (sql) => sql`select from payment_runs for update`);
    const closed = completeRun(data.ctx.db, run, NOW);
    await untilBlocked(data.database, 1);
    const retried = reopen(run.id);
    await untilBlocked(data.database, 2);
    await holder.commit();
    expect([await closed, await retried]).toEqual([true, [2]]);
    expect(await getRun(data.ctx.db, run.id)).toMatchObject({ state: "processing", completedAt: null });
  });

  it("retries and closings at the same moment never leave an open decision in a completed run", async () => {
    const run = await runWithFailure();
    const many = connect({ url: data.database.url, max: 8 });
    for (let round = 0; round < 20; round += 1) {
      const present = await getRun(many.db, run.id);
      await Promise.all([
        completeRun(many.db, present, NOW),
        reopenFailed(many.db, { runId: run.id, actor: "test", now: NOW }),
        completeRun(many.db, present, NOW),
      ]);
      expect(await findViolations(many.db, () => {})).toEqual([]);
      await recordFailure(many.db, { runId: run.id, userId: 2, error: "no luck", now: NOW });
    }
    await many.close();
  });
});

describe("scheduler", () => {
  it("the scheduler keeps the first tick ever and the latest one", async () => {
    const at = (instant: string) => recordTick(data.ctx.db, new Date(instant), { isAlerting: false });
    expect(await findScheduler(data.ctx.db)).toBeNull();
    await at("2026-12-01T00:00:00Z");
    await at("2026-12-03T00:00:00Z");
    // A worker whose clock is behind.
    await at("2026-12-02T00:00:00Z");
    await Promise.all(Array.from({ length: 10 }, () => at("2026-12-02T12:00:00Z")));
    expect(await findScheduler(data.ctx.db)).toMatchObject({
      liveSince: new Date("2026-12-01T00:00:00Z"),
      lastTickAt: new Date("2026-12-03T00:00:00Z"),
    });
  });
});
