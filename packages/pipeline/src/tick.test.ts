import { findDecision, findRun, findScheduler, type PaymentRun } from "@cpa-payouts/db";
import { importNetwork, userIds } from "@cpa-payouts/db/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startRun } from "./start-run.ts";
import { finishRun, listTestRuns, openTestFlow, type TestFlow } from "./testing/index.ts";
import { tick } from "./tick.ts";
import { verify } from "./verify.ts";

let flow: TestFlow;

beforeEach(async () => {
  flow = await openTestFlow({ kind: "postgres", now: "2026-12-01T00:00:00Z" });
});

afterEach(async () => {
  await flow.close();
});

const tickAt = (instant: string) => {
  flow.clock.set(instant);
  return tick(flow.ctx);
};

const runs = () => listTestRuns(flow);
const finish = (date: string) => finishRun(flow, date);

async function runOf(date: string): Promise<PaymentRun> {
  const run = await findRun(flow.ctx.db, date);
  if (!run) throw new Error(`there is no run of ${date}`);
  return run;
}

describe("tick", () => {
  it("the first tick ever is stored as going live", async () => {
    await tick(flow.ctx);
    await tickAt("2026-12-02T00:00:00Z");
    expect(await findScheduler(flow.ctx.db)).toMatchObject({
      liveSince: new Date("2026-12-01T00:00:00Z"),
      lastTickAt: new Date("2026-12-02T00:00:00Z"),
    });
  });

  it("a tick opens the run of a date at the due instant, not a millisecond earlier", async () => {
    await tick(flow.ctx);
    expect(await tickAt("2026-12-07T01:59:59.999Z")).toMatchObject({ opened: null });
    expect(await tickAt("2026-12-07T02:00:00.000Z")).toEqual({ opened: "2026-12-07", resumed: 0, missed: 0 });
    expect(await runs()).toEqual(["2026-12-07 schedule deciding"]);
    expect(flow.log.of("run.opened")).toHaveLength(1);
  });

  it("a run is opened once, and the next tick resumes it", async () => {
    await tick(flow.ctx);
    await tickAt("2026-12-07T02:00:00Z");
    expect(await tickAt("2026-12-07T02:05:00Z")).toEqual({ opened: null, resumed: 1, missed: 0 });
    await finish("2026-12-07");
    expect(await tickAt("2026-12-07T02:10:00Z")).toEqual({ opened: null, resumed: 0, missed: 0 });
    expect(await runs()).toEqual(["2026-12-07 schedule completed"]);
  });

  it("the next step of an unfinished run is queued again when the queue has lost it", async () => {
    await tick(flow.ctx);
    await tickAt("2026-12-07T02:00:00Z");
    const { runs: queue } = flow.ctx.queues.bullmq;
    await queue.drain();
    expect(await queue.count()).toBe(0);
    await tickAt("2026-12-07T02:05:00Z");
    const { id: runId } = await runOf("2026-12-07");
    expect(await queue.getJobState(`decide-${runId}`)).toBe("waiting");
  });

  it("dates that were due before going live are not run", async () => {
    expect(await tickAt("2026-12-07T02:00:00.001Z")).toEqual({ opened: null, resumed: 0, missed: 0 });
    expect(await tickAt("2026-12-20T00:00:00Z")).toEqual({ opened: null, resumed: 0, missed: 0 });
    expect(await runs()).toEqual([]);
    expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
  });

  it("two missed dates are caught up with, oldest first, the second when the first is finished", async () => {
    await importNetwork(flow.ctx, [{ externalId: "new", previousInvoices: 0, balance: "350.00" }]);
    await tick(flow.ctx);
    const patient = { ...flow.ctx, policy: { ...flow.ctx.policy, catchUpDays: 30 } };
    flow.clock.set("2026-12-22T12:00:00Z");
    expect(await tick(patient)).toEqual({ opened: "2026-12-07", resumed: 0, missed: 0 });
    expect(await tick(patient)).toEqual({ opened: null, resumed: 1, missed: 0 });
    await finish("2026-12-07");
    await flow.database.sql`
      with entry as (insert into ledger_entries (user_id, kind, amount_cents, actor, created_at)
        values (1, 'credit', 20000, 'test', now()))
      update users set balance_cents = balance_cents + 20000`;
    expect(await tick(patient)).toEqual({ opened: "2026-12-21", resumed: 0, missed: 0 });
    await finish("2026-12-21");
    expect(await runs()).toEqual(["2026-12-07 catch-up completed", "2026-12-21 catch-up completed"]);
    // The first-time user is paid on the first Monday and is returning by the second date.
    const userId = (await userIds(flow.database)).new ?? 0;
    expect(await findDecision(flow.ctx.db, userId, "2026-12-07")).toMatchObject({ invoiceAmountCents: 350_00n });
    expect(await findDecision(flow.ctx.db, userId, "2026-12-21")).toMatchObject({ invoiceAmountCents: 200_00n });
    expect(await verify(patient, patient.policy)).toEqual([]);
  });

  it("a newer run that was opened by hand does not hold up an older date", async () => {
    await tick(flow.ctx);
    const patient = { ...flow.ctx, policy: { ...flow.ctx.policy, catchUpDays: 30 } };
    flow.clock.set("2026-12-21T02:00:00Z");
    await startRun(patient, { date: { date: "2026-12-21", kind: "mid-month" }, trigger: "manual", actor: "test" });
    expect(await tick(patient)).toEqual({ opened: "2026-12-07", resumed: 1, missed: 0 });
  });

  it("a date beyond the catch-up window is reported as missed and gets no run", async () => {
    await tick(flow.ctx);
    expect(await tickAt("2026-12-14T23:59:59Z")).toMatchObject({ opened: "2026-12-07", missed: 0 });
    await finish("2026-12-07");
    expect(await tickAt("2027-01-01T00:00:00Z")).toEqual({ opened: null, resumed: 0, missed: 1 });
    expect(flow.log.lines.filter(({ level }) => level === "error")).toEqual([
      { level: "error", event: "payment-date.missed", fields: { paymentDate: "2026-12-21" } },
    ]);
    expect(await runs()).toEqual(["2026-12-07 catch-up completed"]);
  });

  it("a missed date that was run by hand is no longer reported", async () => {
    await tick(flow.ctx);
    expect(await tickAt("2026-12-15T00:00:00Z")).toMatchObject({ missed: 1 });
    const missed = [
      {
        invariant: "no payment date was missed",
        subject: "payment date 2026-12-07",
        detail: 'it is more than 7 days old and has no run; "payouts run --date 2026-12-07" makes up for it',
      },
    ];
    expect(await verify(flow.ctx, flow.ctx.policy)).toEqual(missed);
    await startRun(flow.ctx, { date: { date: "2026-12-07", kind: "first-monday" }, trigger: "manual", actor: "test" });
    expect(await tickAt("2026-12-15T00:05:00Z")).toMatchObject({ missed: 0 });
    expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
  });

  it("a date waits while an older run is unfinished", async () => {
    await tick(flow.ctx);
    await tickAt("2026-12-07T02:00:00Z");
    expect(await tickAt("2026-12-21T02:00:00Z")).toEqual({ opened: null, resumed: 1, missed: 0 });
    await finish("2026-12-07");
    expect(await tickAt("2026-12-21T02:05:00Z")).toMatchObject({ opened: "2026-12-21" });
  });

  it("twenty concurrent ticks open one run", async () => {
    await tick(flow.ctx);
    flow.clock.set("2026-12-07T02:00:00Z");
    const results = await Promise.all(Array.from({ length: 20 }, () => tick(flow.ctx)));
    expect(results.every(({ missed }) => missed === 0)).toBe(true);
    expect(await runs()).toEqual(["2026-12-07 schedule deciding"]);
    expect(flow.log.of("run.opened")).toHaveLength(1);
    expect(await flow.ctx.queues.bullmq.runs.getJobCountByTypes("waiting")).toBe(1);
  });

  it("a date is due by the days of the configured zone", async () => {
    const policy = { ...flow.ctx.policy, schedule: { pattern: "0 2 * * *", timeZone: "America/New_York" } };
    const ctx = { ...flow.ctx, policy };
    await tick(ctx);
    flow.clock.set("2026-12-07T06:59:59Z");
    expect(await tick(ctx)).toMatchObject({ opened: null });
    flow.clock.set("2026-12-08T04:59:59Z");
    expect(await tick(ctx)).toMatchObject({ opened: "2026-12-07" });
    // Still Monday in New York.
    expect(await runs()).toEqual(["2026-12-07 schedule deciding"]);
  });

  it("a tick after the clock went back opens no run twice", async () => {
    await tick(flow.ctx);
    await tickAt("2026-12-07T02:00:00Z");
    await finish("2026-12-07");
    expect(await tickAt("2026-12-07T00:00:00Z")).toEqual({ opened: null, resumed: 0, missed: 0 });
    expect(await tickAt("2026-12-07T02:00:00Z")).toEqual({ opened: null, resumed: 0, missed: 0 });
    expect(await runs()).toHaveLength(1);
  });
});
