import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { getRun } from "../reads/runs.ts";
import { decidedRun, fingerprint, openTestData, runWithFailure, type TestData } from "../testing/index.ts";
import { advanceFanOut } from "./advance-fan-out.ts";
import { completeRun } from "./complete-run.ts";
import { createInvoices } from "./create-invoices.ts";
import { recordFailure } from "./record-failure.ts";
import { reopenFailed } from "./reopen-failed.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ now: NOW.toISOString(), users: [{ externalId: "a" }, { externalId: "b" }] });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

const reopen = (runId: number, part: { afterUserId?: number; limit?: number } = {}) =>
  reopenFailed(data.ctx.db, { runId, afterUserId: 0, limit: 10, actor: "test", now: NOW, ...part });
async function audited() {
  const rows = await data.database.sql<{ before: object }[]>`
    select before from audit_log where action = 'run.retry' order by id`;
  return rows.map(({ before }) => before);
}
const NONE = { reopened: 0, lastUserId: null };

describe("retry of failed decisions", () => {
  it("a retry reopens the failed decisions and sends their completed run back to the fan-out, under the actor's name", async () => {
    const run = await runWithFailure(data.ctx);
    await completeRun(data.ctx.db, run, NOW);
    expect(await reopen(run.id)).toEqual({ reopened: 1, lastUserId: 2 });
    expect(await getRun(data.ctx.db, run.id)).toMatchObject({
      state: "fanning-out",
      completedAt: null,
      fannedOutAt: null,
      retries: 1,
      fanOutRound: 1,
      fanOutCursor: 1,
    });
    const audit = await data.database.sql`select actor, before, after from audit_log where action = 'run.retry'`;
    expect([...audit]).toEqual([
      { actor: "test", before: { state: "completed", failed: 1 }, after: { state: "fanning-out" } },
    ]);
  });

  it("a retry changes nothing when no decision failed", async () => {
    const run = await runWithFailure(data.ctx);
    await reopen(run.id);
    await createInvoices(data.ctx.db, { runId: run.id, userIds: [2], now: NOW });
    const { fanOutRound } = await getRun(data.ctx.db, run.id);
    await advanceFanOut(data.ctx.db, { runId: run.id, fanOutRound, cursor: 2, finished: true, now: NOW });
    await completeRun(data.ctx.db, await getRun(data.ctx.db, run.id), NOW);
    const before = await fingerprint(data.database);
    expect(await reopen(run.id)).toEqual(NONE);
    expect(await reopen(999)).toEqual(NONE);
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a retry in chunks opens each failed decision once, and leaves the fan-out before the first of them", async () => {
    const { id: runId } = await decidedRun(data.ctx, "2026-12-07");
    await advanceFanOut(data.ctx.db, { runId, fanOutRound: 0, cursor: 2, finished: true, now: NOW });
    for (const userId of [1, 2]) await recordFailure(data.ctx.db, { runId, userId, error: "no luck", now: NOW });
    expect(await reopen(runId, { limit: 1 })).toEqual({ reopened: 1, lastUserId: 1 });
    // The user fails again before the retry has come to the others, and waits for the next retry.
    await recordFailure(data.ctx.db, { runId, userId: 1, error: "no luck", now: NOW });
    expect(await reopen(runId, { afterUserId: 1, limit: 1 })).toEqual({ reopened: 1, lastUserId: 2 });
    expect(await reopen(runId, { afterUserId: 2, limit: 1 })).toEqual(NONE);
    expect(await getRun(data.ctx.db, runId)).toMatchObject({ fanOutCursor: 0, retries: 1, fanOutRound: 2 });
    expect(await audited()).toEqual([{ state: "processing", failed: 2 }]);
  });

  it("a retry whose run was completed between two chunks counts twice, since the run is completed twice", async () => {
    const { id: runId } = await decidedRun(data.ctx, "2026-12-07");
    await advanceFanOut(data.ctx.db, { runId, fanOutRound: 0, cursor: 2, finished: true, now: NOW });
    for (const userId of [1, 2]) await recordFailure(data.ctx.db, { runId, userId, error: "no luck", now: NOW });
    await reopen(runId, { limit: 1 });
    await createInvoices(data.ctx.db, { runId, userIds: [1], now: NOW });
    await advanceFanOut(data.ctx.db, { runId, fanOutRound: 1, cursor: 2, finished: true, now: NOW });
    expect(await completeRun(data.ctx.db, await getRun(data.ctx.db, runId), NOW)).toBe(true);
    expect(await reopen(runId, { afterUserId: 1, limit: 1 })).toEqual({ reopened: 1, lastUserId: 2 });
    expect(await getRun(data.ctx.db, runId)).toMatchObject({ state: "fanning-out", retries: 2 });
    expect(await audited()).toEqual([
      { state: "processing", failed: 2 },
      { state: "completed", failed: 1 },
    ]);
  });
});
