import { completeRun, listAlerts } from "@cpa-payouts/db";
import { decidedRun, importNetwork, invoicedRun } from "@cpa-payouts/db/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cancelRun } from "./cancel-run.ts";
import { type Alerts, noAlerts } from "./context.ts";
import { retryRun } from "./retry-run.ts";
import { reviewInvoices } from "./review.ts";
import { startRun } from "./start-run.ts";
import { openTestFlow, type TestFlow } from "./testing/index.ts";
import { tick } from "./tick.ts";

/** Never called here: no worker runs. */
const channel = { send: async () => ({ refused: 0 }) };
const both: Alerts = { channels: { webhook: channel, email: channel }, publicUrl: null };

let flow: TestFlow;

beforeEach(async () => {
  flow = await openTestFlow({ kind: "postgres", now: "2026-12-01T00:00:00Z", alerts: both });
});

afterEach(async () => {
  await flow.close();
});

const tickAt = (instant: string, alerts = both) => {
  flow.clock.set(instant);
  return tick({ ...flow.ctx, alerts });
};

async function raised(): Promise<string[]> {
  const rows = await flow.database.sql<{ key: string }[]>`select key from alerts order by id`;
  return rows.map(({ key }) => key);
}

/** A run without any user owed, closed at the present instant, as by a worker that dies right after it. */
async function closedRun(date: string) {
  const run = await decidedRun(flow.ctx, date);
  await flow.database.sql`update payment_runs set state = 'processing' where id = ${run.id}`;
  expect(await completeRun(flow.ctx.db, run, flow.ctx.clock())).toBe(true);
  return run;
}

/** Completes a run as if all of its jobs had failed. */
async function closeWithFailures(runId: number) {
  await flow.database
    .sql`update run_decisions set outcome = 'failed', error = 'no luck' where run_id = ${runId} and decision = 'pay'`;
  await flow.database
    .sql`update payment_runs set state = 'completed', completed_at = ${flow.clock().toISOString()} where id = ${runId}`;
}

describe("alert of the end of a run", () => {
  it("the end of a run raises one alert per channel, even with many ticks in several processes", async () => {
    await tick(flow.ctx);
    await closedRun("2026-12-07");
    flow.clock.set("2026-12-01T00:05:00Z");
    await Promise.all(Array.from({ length: 20 }, () => tick(flow.ctx)));
    await tickAt("2026-12-03T00:00:00Z");
    expect(await raised()).toEqual(["run-finished:2026-12-07:0"]);
    expect(await listAlerts(flow.ctx.db)).toMatchObject([
      { event: "run-finished", paymentDate: "2026-12-07", channel: "email", state: "open" },
      { event: "run-finished", paymentDate: "2026-12-07", channel: "webhook", state: "open" },
    ]);
    expect(await flow.ctx.queues.bullmq.alerts.getJobCountByTypes("prioritized")).toBe(2);
    // The ticks that find the alert raised may have taken lower numbers.
    expect(flow.log.of("alert.raised")).toEqual([{ alertId: expect.any(Number), alert: "run-finished" }]);
  });

  it("a run whose failed users were retried raises another alert when it ends again", async () => {
    await importNetwork(flow.ctx, [{ externalId: "aff" }]);
    await tick(flow.ctx);
    const run = await decidedRun(flow.ctx, "2026-12-07");
    await closeWithFailures(run.id);
    await tick(flow.ctx);
    expect(await retryRun(flow.ctx, { actor: "test" })).toMatchObject({ retried: 1 });
    await tick(flow.ctx);
    await closeWithFailures(run.id);
    await tick(flow.ctx);
    expect(await raised()).toEqual(["run-finished:2026-12-07:0", "run-finished:2026-12-07:1"]);
  });

  it("a cancelled run raises one alert", async () => {
    await tick(flow.ctx);
    await decidedRun(flow.ctx, "2026-12-07");
    await cancelRun(flow.ctx, { paymentDate: "2026-12-07", reason: "wrong file", actor: "test" });
    await tickAt("2026-12-01T00:05:00Z");
    await tickAt("2026-12-01T00:10:00Z");
    expect(await raised()).toEqual(["run-cancelled:2026-12-07"]);
  });

  it("a run that ended before a channel was configured raises no alert", async () => {
    await tickAt("2026-11-30T00:00:00Z", noAlerts);
    await closedRun("2026-12-07");
    await tickAt("2026-11-30T00:05:00Z", noAlerts);
    await tickAt("2026-12-01T00:00:00Z");
    await closedRun("2026-12-21");
    await tickAt("2026-12-01T00:05:00Z");
    expect(await raised()).toEqual(["run-finished:2026-12-21:0"]);
  });

  it("a run that ended while the channels were switched off raises no alert later", async () => {
    await tick(flow.ctx);
    await tickAt("2026-12-05T00:00:00Z", noAlerts);
    await closedRun("2026-12-07");
    await tickAt("2026-12-06T00:00:00Z");
    expect(await raised()).toEqual([]);
    await closedRun("2026-12-21");
    await tickAt("2026-12-06T00:05:00Z");
    expect(await raised()).toEqual(["run-finished:2026-12-21:0"]);
  });

  it("the end of a run raises its alert even when the next tick comes a month later", async () => {
    await tick(flow.ctx);
    await closedRun("2026-12-07");
    await tickAt("2027-01-01T00:00:00Z");
    expect(await raised()).toContain("run-finished:2026-12-07:0");
  });
});

describe("alert of a missed payment date", () => {
  it("a missed date raises an alert on each day of the configured zone until it has a run", async () => {
    const schedule = { pattern: "0 2 * * *", timeZone: "America/New_York" };
    const ctx = { ...flow.ctx, policy: { ...flow.ctx.policy, schedule } };
    const at = async (instant: string) => {
      flow.clock.set(instant);
      await tick(ctx);
    };
    await at("2026-12-01T00:00:00Z");
    await at("2026-12-15T12:00:00Z");
    await at("2026-12-15T12:05:00Z");
    await at("2026-12-16T04:59:00Z");
    expect(await raised()).toEqual(["date-missed:2026-12-07:2026-12-15"]);
    await at("2026-12-16T05:00:00Z");
    expect(await raised()).toEqual(["date-missed:2026-12-07:2026-12-15", "date-missed:2026-12-07:2026-12-16"]);
    await startRun(ctx, { date: { date: "2026-12-07", kind: "first-monday" }, trigger: "manual", actor: "test" });
    await at("2026-12-17T05:00:00Z");
    expect(await raised()).toHaveLength(2);
  });
});

describe("alert of an overdue review", () => {
  beforeEach(async () => {
    await importNetwork(flow.ctx, [{ externalId: "a" }, { externalId: "b" }]);
    flow.clock.set("2026-12-07T02:00:00Z");
    await invoicedRun(flow, "2026-12-07");
  });

  const setDays = (days: number) => flow.database.sql`update settings set review_alert_days = ${days}`;

  it("an overdue review raises an alert each day, after the number of days in the settings", async () => {
    await tickAt("2026-12-10T02:00:00Z");
    expect(await raised()).toEqual([]);
    await tickAt("2026-12-10T02:00:01Z");
    await tickAt("2026-12-10T23:59:59Z");
    expect(await raised()).toEqual(["review-overdue:2026-12-10"]);
    await tickAt("2026-12-11T00:00:00Z");
    expect(await raised()).toEqual(["review-overdue:2026-12-10", "review-overdue:2026-12-11"]);
  });

  it("a review of any invoice starts the count of days again", async () => {
    flow.clock.set("2026-12-10T01:00:00Z");
    await reviewInvoices(flow.ctx, {
      selection: { numbers: ["INV-20261207-1"] },
      verdict: { status: "paid" },
      actor: "test",
    });
    await tickAt("2026-12-13T01:00:00Z");
    expect(await raised()).toEqual([]);
    await tickAt("2026-12-13T01:00:01Z");
    expect(await raised()).toEqual(["review-overdue:2026-12-13"]);
  });

  it("no review is overdue once all invoices are reviewed", async () => {
    const numbers = ["INV-20261207-1", "INV-20261207-2"];
    const verdict = { status: "rejected", reason: "fraud", disposition: "return" } as const;
    await reviewInvoices(flow.ctx, { selection: { numbers }, verdict, actor: "test" });
    await tickAt("2026-12-13T00:00:00Z");
    expect(await raised()).toEqual([]);
  });

  it("no review is overdue while the settings say 0 days", async () => {
    await setDays(0);
    await tickAt("2026-12-13T00:00:00Z");
    expect(await raised()).toEqual([]);
    await setDays(1);
    await tickAt("2026-12-13T00:05:00Z");
    expect(await raised()).toEqual(["review-overdue:2026-12-13"]);
  });
});

describe("alerts without any channel", () => {
  it("without a channel no alert is raised or queued", async () => {
    await tickAt("2026-12-01T00:00:00Z", noAlerts);
    await closedRun("2026-12-07");
    await decidedRun(flow.ctx, "2026-12-21");
    await cancelRun(flow.ctx, { paymentDate: "2026-12-21", reason: "no", actor: "test" });
    await tickAt("2027-02-01T00:00:00Z", noAlerts);
    expect(await raised()).toEqual([]);
    expect(await flow.ctx.queues.bullmq.alerts.count()).toBe(0);
  });
});
