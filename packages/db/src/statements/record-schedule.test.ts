import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findScheduler } from "../reads/scheduler.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { recordSchedule } from "./record-schedule.ts";
import { recordTick } from "./record-tick.ts";

const NOW = new Date("2026-12-07T02:00:00Z");
const UTC = { pattern: "0 2 * * *", timeZone: "UTC" };
const VIENNA = { pattern: "0 2 * * *", timeZone: "Europe/Vienna" };

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
  await recordTick(data.ctx.db, NOW, { isAlerting: false });
});
afterEach(() => data.close());

const record = (schedule: typeof UTC) =>
  recordSchedule(data.ctx.db, { schedule, liveFrom: "2026-12-07", actor: "system", now: NOW });

/** Records a schedule while another tick has stored the schedule in UTC and has not committed yet. */
async function recordBehind(schedule: typeof UTC) {
  const holder = await holdTransaction(
    data.database,
    (sql) => sql`update scheduler set live_from = '2026-12-07', schedule_pattern = ${UTC.pattern},
      schedule_time_zone = ${UTC.timeZone}, schedule_since = ${NOW}, schedule_seen_at = ${NOW}`,
  );
  const recorded = record(schedule);
  await untilBlocked(data.database);
  await holder.commit();
  return recorded;
}

it.each([
  { what: "the same schedule", schedule: UTC, verdict: "unchanged", past: null },
  { what: "another schedule", schedule: VIENNA, verdict: "changed", past: UTC },
])("a tick that follows $what as another one that stores the first is recorded after it", async (tick) => {
  const { schedule, verdict, past } = tick;
  expect(await recordBehind(schedule)).toEqual({ verdict, before: UTC, liveFrom: "2026-12-07" });
  expect(await findScheduler(data.ctx.db)).toMatchObject({ schedule, pastSchedule: past });
});
