import type { PaymentDate } from "@cpa-payouts/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRun } from "../statements/open-run.ts";
import { openTestData, type TestData, testPolicy } from "../testing/index.ts";
import { datesWithRun, getRun, listUnfinishedRuns } from "./runs.ts";

const DATE: PaymentDate = { date: "2026-12-07", kind: "first-monday" };
const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ now: NOW.toISOString() });
});

afterEach(async () => {
  await data.close();
});

const input = { date: DATE, trigger: "schedule", policy: testPolicy, actor: "test", now: NOW } as const;

describe("payment runs", () => {
  it("an open run is found by its date and listed as unfinished, and an unknown run is an error", async () => {
    const { run } = await openRun(data.ctx.db, input);
    expect(await datesWithRun(data.ctx.db, ["2026-12-07", "2026-12-21"])).toEqual(new Set(["2026-12-07"]));
    expect(await datesWithRun(data.ctx.db, [])).toEqual(new Set());
    expect((await listUnfinishedRuns(data.ctx.db)).map(({ id }) => id)).toEqual([run.id]);
    await expect(getRun(data.ctx.db, 999)).rejects.toThrow("there is no payment run 999");
  });
});
