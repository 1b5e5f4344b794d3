import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { getRun } from "../reads/runs.ts";
import { decidedRun, openTestData, type TestData } from "../testing/index.ts";
import { advanceFanOut } from "./advance-fan-out.ts";
import { createInvoices } from "./create-invoices.ts";
import { rewindFanOut } from "./rewind-fan-out.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ now: NOW.toISOString(), users: [{ externalId: "a" }, { externalId: "b" }] });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

describe("cursor of the fan-out", () => {
  it("the fan-out's cursor never moves back, and the last page moves the run on once", async () => {
    const { id: runId } = await decidedRun(data.ctx, "2026-12-07");
    const step = { runId, fanOutRound: 0, now: NOW, finished: false };
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

  it("a fan-out that began before the run was sent back moves neither the cursor nor the run", async () => {
    const { id: runId } = await decidedRun(data.ctx, "2026-12-07");
    const old = { runId, fanOutRound: 0, cursor: 2, now: NOW };
    await advanceFanOut(data.ctx.db, { ...old, finished: false });
    expect(await rewindFanOut(data.ctx.db, await getRun(data.ctx.db, runId), { cursor: 1, now: NOW })).toBe(true);
    await advanceFanOut(data.ctx.db, { ...old, finished: false });
    await advanceFanOut(data.ctx.db, { ...old, finished: true });
    expect(await getRun(data.ctx.db, runId)).toMatchObject({ fanOutCursor: 1, fanOutRound: 1, state: "fanning-out" });
  });
});
