import { findScheduler, listAlerts, schema } from "@cpa-payouts/db";
import { decidedRun, importNetwork } from "@cpa-payouts/db/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { composeAlert } from "./compose-alert.ts";
import type { Alerts, Context } from "./context.ts";
import { startRun } from "./start-run.ts";
import { openTestFlow, type TestFlow } from "./testing/index.ts";
import { tick } from "./tick.ts";

const webhook: Alerts = { channels: { webhook: { send: async () => ({ refused: 0 }) } }, publicUrl: null };
const LIVE = "2026-12-01T00:00:00Z";
const NOW = "2026-12-07T02:00:00Z";

let flow: TestFlow;

/** An installation that is live, with tallies to add up, and a payment date that has just become due. */
beforeEach(async () => {
  flow = await openTestFlow({ kind: "postgres", now: LIVE, alerts: webhook });
  await tick(flow.ctx);
  await importNetwork(flow.ctx, [{ externalId: "a" }, { externalId: "b", balance: "1.00" }]);
  flow.clock.set(NOW);
});

afterEach(async () => {
  await flow.close();
});

/** A trigger that refuses every change of a table, as a full disk or a damaged row would. */
const refuse = (table: string) =>
  flow.database.sql.unsafe(`
    create function refuse_${table}() returns trigger language plpgsql as $$ begin raise exception 'no luck'; end $$;
    create trigger refuse_${table} before insert or update or delete on ${table}
      for each statement execute function refuse_${table}()`);

const allow = (table: string) => flow.database.sql.unsafe(`drop trigger refuse_${table} on ${table}`);

/** The context with a queue that does not take some jobs. */
function withoutJobs(isRefused: (name: string, payload: object) => boolean): Context {
  const { queues } = flow.ctx;
  const ensureQueued: typeof queues.ensureQueued = async (name, payloads) => {
    if (payloads.some((payload) => isRefused(name, payload))) throw new Error("no luck");
    return queues.ensureQueued(name, payloads);
  };
  return { ...flow.ctx, queues: { ...queues, ensureQueued } };
}

const events = () => listAlerts(flow.ctx.db).then((alerts) => alerts.map(({ event }) => event).sort());
const runs = () => flow.ctx.db.$count(schema.paymentRuns);
const failedSteps = () => flow.log.of("tick.step-failed").map(({ step }) => step);

async function firstAlert() {
  const [alert] = await flow.ctx.db.select().from(schema.alerts);
  if (!alert) throw new Error("no alert was raised");
  return alert;
}

/** How many tally rows there are beyond one per group. */
async function notAddedUp(): Promise<number> {
  const [row] = await flow.database.sql<{ rows: number }[]>`
    select (count(*) - count(distinct (run_id, outcome, reason)))::int as rows from decision_tallies`;
  return row?.rows ?? -1;
}

/** Two rows for one group of tallies. */
async function toAddUp(): Promise<void> {
  await flow.database
    .sql`insert into decision_tallies (run_id, outcome, users) select 99, 'open', n from generate_series(1, 2) n`;
  expect(await notAddedUp()).toBe(1);
}

describe("steps of a tick", () => {
  beforeEach(toAddUp);

  it("tallies that cannot be added up stop neither the opening of a run nor alerts, and raise one", async () => {
    await refuse("decision_tallies");
    await expect(tick(flow.ctx)).rejects.toThrow("the tick failed at add-up-tallies (no luck (SQLSTATE P0001))");
    expect(failedSteps()).toEqual(["add-up-tallies"]);
    expect(await runs()).toBe(1);
    expect(await events()).toEqual(["tick-failed"]);
  });

  it("a date whose run cannot be opened does not stop the tallies and alerts", async () => {
    await refuse("payment_runs");
    await expect(tick(flow.ctx)).rejects.toThrow("the tick failed at open-run (");
    expect(await notAddedUp()).toBe(0);
    expect(await events()).toEqual(["tick-failed"]);
  });

  it("runs that cannot be read stop neither the tallies nor the alerts that do not need them", async () => {
    await flow.database.sql`alter table payment_runs rename column policy to policies`;
    await expect(tick(flow.ctx)).rejects.toThrow("the tick failed at list-unfinished-runs (");
    expect(failedSteps()).toEqual([
      "list-unfinished-runs",
      "open-run",
      "find-alerts run-finished",
      "find-alerts run-cancelled",
    ]);
    expect(await notAddedUp()).toBe(0);
    expect(await events()).toEqual(["tick-failed"]);
  });

  it("an alert that cannot be looked up does not stop the others", async () => {
    await flow.database.sql`alter table settings rename column review_alert_days to days`;
    flow.clock.set("2026-12-15T02:00:00Z");
    await expect(tick(flow.ctx)).rejects.toThrow("find-alerts review-overdue");
    expect(await events()).toEqual(["date-missed", "tick-failed"]);
  });

  it("a tick that cannot be recorded still opens the run that is due", async () => {
    await refuse("scheduler");
    await expect(tick(flow.ctx)).rejects.toThrow("the tick failed at record-tick (");
    expect(await runs()).toBe(1);
    expect(await notAddedUp()).toBe(0);
    expect(flow.log.of("tick.failure-not-recorded")).not.toEqual([]);
  });

  it("a run whose resume fails does not stop the resume of the next one", async () => {
    const first = await decidedRun(flow.ctx, "2026-12-07");
    const second = await startRun(flow.ctx, {
      date: { date: "2026-12-21", kind: "mid-month" },
      trigger: "manual",
      actor: "test",
    });
    const { runs: queue } = flow.ctx.queues.bullmq;
    await queue.drain();
    const ctx = withoutJobs((_name, payload) => "runId" in payload && payload.runId === first.id);
    await expect(tick(ctx)).rejects.toThrow("the tick failed at resume-run 2026-12-07 (no luck)");
    expect(await queue.getJobState(`decide-${second.id}`)).toBe("waiting");
  });

  it("a failed step of the alerts is alerted by the next tick", async () => {
    await refuse("alerts");
    await expect(tick(flow.ctx)).rejects.toThrow("the tick failed at insert-alerts (");
    expect(await events()).toEqual([]);
    await allow("alerts");
    await tick(flow.ctx);
    expect(await events()).toEqual(["tick-failed"]);
  });

  it("deliveries that cannot be queued do not keep an alert from being raised", async () => {
    flow.clock.set("2026-12-15T02:00:00Z");
    const ctx = withoutJobs((name) => name === "send-alert");
    await expect(tick(ctx)).rejects.toThrow("the tick failed at queue-deliveries (no luck)");
    expect(await events()).toEqual(["date-missed"]);
  });

  it("the end of each tick is stored, and ticks count as failing until one does every step", async () => {
    const stored = () => findScheduler(flow.ctx.db);
    expect(await stored()).toMatchObject({ lastSuccessAt: new Date(LIVE), failingSince: null, unfinishedSince: null });
    await refuse("decision_tallies");
    await expect(tick(flow.ctx)).rejects.toThrow();
    flow.clock.set("2026-12-07T02:05:00Z");
    await expect(tick(flow.ctx)).rejects.toThrow();
    expect(await stored()).toMatchObject({
      lastSuccessAt: new Date(LIVE),
      failingSince: new Date(NOW),
      lastFailureAt: new Date("2026-12-07T02:05:00Z"),
      failedSteps: "add-up-tallies",
      failure: "no luck (SQLSTATE P0001)",
      unfinishedSince: null,
    });
    await allow("decision_tallies");
    flow.clock.set("2026-12-07T02:10:00Z");
    await tick(flow.ctx);
    expect(await stored()).toMatchObject({ lastSuccessAt: new Date("2026-12-07T02:10:00Z"), failingSince: null });
    expect(await events()).toEqual(["tick-failed"]);
  });

  it("the alert of failing ticks names the steps, and is dropped once a tick has done every step", async () => {
    await refuse("decision_tallies");
    await expect(tick(flow.ctx)).rejects.toThrow();
    const alert = await firstAlert();
    expect(alert.key).toBe("tick-failed:2026-12-07");
    expect(await composeAlert(flow.ctx, alert)).toMatchObject({
      headline: "Ticks have failed since 2026-12-07T02:00:00.000Z, the last one at: add-up-tallies",
    });
    await allow("decision_tallies");
    await tick(flow.ctx);
    expect(await composeAlert(flow.ctx, alert)).toBeNull();
  });

  it("an alert is composed although those of another event cannot be looked up", async () => {
    await refuse("decision_tallies");
    await expect(tick(flow.ctx)).rejects.toThrow();
    await flow.database.sql`alter table settings rename column review_alert_days to days`;
    expect(await composeAlert(flow.ctx, await firstAlert())).not.toBeNull();
  });
});
