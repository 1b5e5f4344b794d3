import { findScheduler } from "@cpa-payouts/db";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Context } from "./context.ts";
import { isDisputed } from "./follow-schedule.ts";
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

/** The context of a worker with a schedule of its own. */
const following = (timeZone: string, pattern = "0 2 * * *"): Context => ({
  ...flow.ctx,
  policy: { ...flow.ctx.policy, schedule: { pattern, timeZone } },
});

const tickOf = (ctx: Context, instant: string) => {
  flow.clock.set(instant);
  return tick(ctx);
};

const tickAt = (instant: string) => tickOf(flow.ctx, instant);

const audited = () => flow.database.sql`
  select actor, action, object, before->>'timeZone' as before, after->>'timeZone' as after
  from audit_log where action = 'schedule.change' order by id`;

describe("dates and ticks after a change of the schedule", () => {
  it.each([
    ["in another time zone", "America/Los_Angeles", "0 2 * * *"],
    ["at another time", "UTC", "30 23 * * *"],
  ])("a date that was due before going live is not run when the tick fires %s", async (_, timeZone, pattern) => {
    await tickAt("2026-12-07T09:00:00Z");
    const ctx = following(timeZone, pattern);
    expect(await tickOf(ctx, "2026-12-08T09:00:00Z")).toEqual({ opened: null, resumed: 0, missed: 0 });
    expect(await tickOf(ctx, "2026-12-18T09:00:00Z")).toEqual({ opened: null, resumed: 0, missed: 0 });
    expect(await listTestRuns(flow)).toEqual([]);
    expect(await verify(ctx, ctx.policy)).toEqual([]);
  });

  describe("after a version that stored no schedule and has run no date", () => {
    const upgradeAfter = async (liveSince: string, lastTick: string) => flow.database.sql`
      insert into scheduler (live_since, last_tick_at, last_success_at) values (${liveSince}, ${lastTick}, ${lastTick})`;

    it("a date that its ticks did not run is left out under a new time zone, which is logged once", async () => {
      await upgradeAfter("2026-12-07T09:00:00Z", "2026-12-08T11:55:00Z");
      const ctx = following("America/Los_Angeles");
      const none = { opened: null, resumed: 0, missed: 0 };
      expect(await tickOf(ctx, "2026-12-08T12:00:00Z")).toEqual(none);
      expect(await tickOf(ctx, "2026-12-08T12:05:00Z")).toEqual(none);
      expect(await listTestRuns(flow)).toEqual([]);
      expect(flow.log.of("payment-date.left-out")).toEqual([{ paymentDate: "2026-12-07" }]);
      expect(await findScheduler(ctx.db)).toMatchObject({ liveFrom: "2026-12-09" });
    });

    it.each([
      ["that became due while nothing ran", "2026-12-08T12:00:00Z"],
      ["that becomes due on the day of going live", "2026-12-07T02:00:00Z"],
    ])("a date %s is run, since its schedule still fired after the last tick", async (_, now) => {
      await upgradeAfter("2026-12-07T01:00:00Z", "2026-12-07T01:55:00Z");
      expect(await tickAt("2026-12-07T01:58:00Z")).toMatchObject({ opened: null });
      expect(await tickAt(now)).toMatchObject({ opened: "2026-12-07" });
      expect(flow.log.of("payment-date.left-out")).toEqual([]);
    });
  });

  it("a date that was due and had no run is run, though the new schedule fired on it before going live", async () => {
    await tickAt("2026-12-07T01:00:00Z");
    // Tokyo is nine hours ahead: there it is due at 17:00 UTC of the day before.
    expect(await tickOf(following("Asia/Tokyo"), "2026-12-07T03:00:00Z")).toMatchObject({ opened: "2026-12-07" });
  });

  it("a date beyond the catch-up window is reported as missed, whatever the schedule is then", async () => {
    await tickAt("2026-12-01T00:00:00Z");
    const late = { opened: null, resumed: 0, missed: 1 };
    expect(await tickOf(following("America/Los_Angeles"), "2026-12-16T00:00:00Z")).toEqual(late);
    expect(await tickOf(following("Asia/Tokyo"), "2026-12-17T00:00:00Z")).toEqual(late);
  });

  it("a date that was run is not run again", async () => {
    await tick(flow.ctx);
    await tickAt("2026-12-07T02:00:00Z");
    await finishRun(flow, "2026-12-07");
    await tickOf(following("America/Los_Angeles"), "2026-12-07T10:00:00Z");
    await tickOf(following("Asia/Tokyo"), "2026-12-08T03:00:00Z");
    expect(await listTestRuns(flow)).toEqual(["2026-12-07 schedule completed"]);
  });

  it("the change is audited and logged by one of twenty ticks at the same moment", async () => {
    await tick(flow.ctx);
    flow.clock.set("2026-12-02T00:00:00Z");
    const ctx = following("Asia/Tokyo");
    await Promise.all(Array.from({ length: 20 }, () => tick(ctx)));
    await tickOf(ctx, "2026-12-03T00:00:00Z");
    expect(await audited()).toEqual([
      { actor: "system", action: "schedule.change", object: "schedule", before: "UTC", after: "Asia/Tokyo" },
    ]);
    expect(flow.log.of("schedule.changed")).toEqual([
      { schedule: '"0 2 * * *" in Asia/Tokyo', stored: '"0 2 * * *" in UTC' },
    ]);
    expect(await findScheduler(flow.ctx.db)).toMatchObject({
      schedule: { timeZone: "Asia/Tokyo", since: new Date("2026-12-02T00:00:00Z") },
      pastSchedule: { timeZone: "UTC", seenAt: new Date("2026-12-01T00:00:00Z") },
    });
  });

  it("workers with two schedules are logged at every tick that disagrees, and audited once", async () => {
    const workers = [flow.ctx, following("Asia/Tokyo")];
    await tick(flow.ctx);
    for (let minute = 5; minute < 60; minute += 5)
      for (const ctx of workers) await tickOf(ctx, `2026-12-02T03:${`${minute}`.padStart(2, "0")}:00Z`);
    expect(await audited()).toHaveLength(1);
    // The first of the eleven ticks in UTC came before the first in Tokyo.
    expect(flow.log.of("schedule.disputed")).toHaveLength(10);
    const scheduler = await findScheduler(flow.ctx.db);
    expect(scheduler && isDisputed(scheduler, flow.clock())).toBe(true);
  });

  it("a schedule that was changed back within the hour is stored again an hour after the last tick that disagrees", async () => {
    const tokyo = following("Asia/Tokyo");
    await tick(flow.ctx);
    await tickOf(tokyo, "2026-12-01T00:05:00Z");
    await tickAt("2026-12-01T00:10:00Z");
    await tickAt("2026-12-01T01:04:59Z");
    expect(await audited()).toHaveLength(1);
    await tickAt("2026-12-01T01:05:00Z");
    expect((await audited()).map(({ after }) => after)).toEqual(["Asia/Tokyo", "UTC"]);
    const scheduler = await findScheduler(flow.ctx.db);
    expect(scheduler && isDisputed(scheduler, flow.clock())).toBe(false);
  });

  it("a schedule that is changed back after days is stored at once", async () => {
    await tick(flow.ctx);
    await tickOf(following("Asia/Tokyo"), "2026-12-02T00:00:00Z");
    await tickOf(following("Asia/Tokyo"), "2026-12-04T00:00:00Z");
    await tickAt("2026-12-04T00:05:00Z");
    expect((await audited()).map(({ after }) => after)).toEqual(["Asia/Tokyo", "UTC"]);
    expect(flow.log.of("schedule.disputed")).toEqual([]);
  });
});
