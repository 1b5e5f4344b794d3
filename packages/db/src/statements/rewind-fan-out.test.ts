import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { getRun } from "../reads/runs.ts";
import { decidedRun, fingerprint, openTestData, type TestData } from "../testing/index.ts";
import { advanceFanOut } from "./advance-fan-out.ts";
import { completeRun } from "./complete-run.ts";
import { createInvoices } from "./create-invoices.ts";
import { requestCancel } from "./request-cancel.ts";
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

/** A run in state `processing`, both users open. */
async function processingRun() {
  const { id: runId } = await decidedRun(data.ctx, "2026-12-07");
  await advanceFanOut(data.ctx.db, { runId, fanOutRound: 0, cursor: 2, finished: true, now: NOW });
  return getRun(data.ctx.db, runId);
}

const rewind = (run: { id: number; fanOutRound: number }, cursor: number) =>
  rewindFanOut(data.ctx.db, run, { cursor, now: NOW });

describe("fan-out that is sent back", () => {
  it("a run in progress fans out again from an earlier user, which the audit log says", async () => {
    const run = await processingRun();
    expect(await rewind(run, 1)).toBe(true);
    expect(await getRun(data.ctx.db, run.id)).toMatchObject({
      state: "fanning-out",
      fanOutCursor: 1,
      fanOutRound: 1,
      fannedOutAt: null,
    });
    const audit = await data.database.sql`select actor, before, after from audit_log where action = 'run.rewind'`;
    expect([...audit]).toEqual([
      { actor: "system", before: { state: "processing" }, after: { state: "fanning-out", afterUser: 1 } },
    ]);
  });

  it("a fan-out is sent back once by two processes that read the run at the same time, and never forward", async () => {
    const run = await processingRun();
    expect(await rewind(run, 1)).toBe(true);
    expect(await rewind(run, 0)).toBe(false);
    expect(await rewind(await getRun(data.ctx.db, run.id), 2)).toBe(true);
    expect(await getRun(data.ctx.db, run.id)).toMatchObject({ fanOutCursor: 1 });
  });

  it("a completed or cancelled run does not fan out again", async () => {
    const run = await processingRun();
    await createInvoices(data.ctx.db, { runId: run.id, userIds: [1, 2], now: NOW });
    await completeRun(data.ctx.db, run, NOW);
    const other = await decidedRun(data.ctx, "2027-01-04");
    await requestCancel(data.ctx.db, { runId: other.id, reason: "test", actor: "test", now: NOW });
    const before = await fingerprint(data.database);
    expect(await rewind(run, 0)).toBe(false);
    expect(await rewind(other, 0)).toBe(false);
    expect(await fingerprint(data.database)).toEqual(before);
  });
});
