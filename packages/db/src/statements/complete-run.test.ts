import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { getRun } from "../reads/runs.ts";
import { decidedRun, openTestData, type TestData } from "../testing/index.ts";
import { advanceFanOut } from "./advance-fan-out.ts";
import { completeRun } from "./complete-run.ts";
import { createInvoices } from "./create-invoices.ts";
import { recordFailure } from "./record-failure.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ now: NOW.toISOString(), users: [{ externalId: "a" }, { externalId: "b" }] });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

describe("closing of a run", () => {
  it("a run is closed once, after its last open decision is settled", async () => {
    const { id: runId } = await decidedRun(data.ctx, "2026-12-07");
    await advanceFanOut(data.ctx.db, { runId, fanOutRound: 0, cursor: 2, finished: true, now: NOW });
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
    const run = await decidedRun(data.ctx, "2026-12-07");
    await createInvoices(data.ctx.db, { runId: run.id, userIds: [1, 2], now: NOW });
    expect(await completeRun(data.ctx.db, run, NOW)).toBe(false);
  });
});
