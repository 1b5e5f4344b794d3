import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findScheduler } from "../reads/scheduler.ts";
import { openTestData, type TestData } from "../testing/index.ts";
import { recordTick } from "./record-tick.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData();
});

afterEach(async () => {
  await data.close();
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
