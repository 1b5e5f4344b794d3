import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { totalsOfRun } from "../reads/decision-totals.ts";
import { findDecision } from "../reads/decisions.ts";
import { findViolations } from "../reads/invariants.ts";
import { findRun, getRun } from "../reads/runs.ts";
import { decidedRun, fingerprint, openTestData, type TestData, userIds } from "../testing/index.ts";
import { cancelUnchangedRun } from "./cancel-unchanged-run.ts";
import { createInvoices } from "./create-invoices.ts";
import { decideChunk } from "./decide-chunk.ts";
import { openRun } from "./open-run.ts";
import { recordFailure } from "./record-failure.ts";
import { reopenFailed } from "./reopen-failed.ts";

const NOW = new Date("2026-12-07T02:00:00Z");
const cancelling = { actor: "alice", reason: "wrong import", now: NOW };

let data: TestData;

beforeEach(async () => {
  data = await openTestData({
    users: [{ externalId: "a" }, { externalId: "b" }, { externalId: "c" }, { externalId: "poor", balance: "1.00" }],
  });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

describe("cancelled run", () => {
  it("a cancelled run keeps its invoices and skips the other users with a stored reason", async () => {
    const { db } = data.ctx;
    const run = await getRun(db, (await decidedRun(data.ctx, "2026-12-07")).id);
    const { a = 0, b = 0, c = 0 } = await userIds(data.database);
    await createInvoices(db, { runId: run.id, userIds: [a], now: NOW });
    await recordFailure(db, { runId: run.id, userId: b, error: "broken", now: NOW });
    expect(await cancelUnchangedRun(db, run, cancelling)).toBe(2);
    expect(await getRun(db, run.id)).toMatchObject({ state: "cancelled", cancelledAt: NOW, completedAt: null });
    expect(await totalsOfRun(db, run.id)).toEqual({
      considered: 4,
      open: 0,
      invoiced: 1,
      failed: 0,
      skipped: { "below-minimum": 1, "run-cancelled": 2 },
      totalCents: 150_00n,
    });
    expect(await findDecision(db, c)).toMatchObject({
      outcome: "skipped",
      reason: "run-cancelled",
      balanceCents: 150_00n,
    });
    const [audit] = await data.database
      .sql`select actor, reason, before, after from audit_log where action = 'run.cancel'`;
    expect(audit).toEqual({
      actor: "alice",
      reason: "wrong import",
      before: { state: "fanning-out" },
      after: { state: "cancelled", skipped: 2 },
    });
  });

  it("late jobs and retries create no invoice in a cancelled run", async () => {
    const { db } = data.ctx;
    const run = await getRun(db, (await decidedRun(data.ctx, "2026-12-07")).id);
    await cancelUnchangedRun(db, run, cancelling);
    const before = await fingerprint(data.database);
    const ids = Object.values(await userIds(data.database));
    expect(await createInvoices(db, { runId: run.id, userIds: ids, now: NOW })).toEqual([]);
    expect(await reopenFailed(db, { runId: run.id, actor: "test", now: NOW })).toEqual([]);
    expect(await decideChunk(db, { runId: run.id, limit: 10, now: NOW })).toEqual({ decided: 0, finished: true });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a run that moved on since it was read is not cancelled, so no new decision is left open", async () => {
    const { db } = data.ctx;
    const date = { date: "2026-12-07", kind: "first-monday" } as const;
    const policy = {
      schedule: { timeZone: "UTC", pattern: "0 2 * * *" },
      minimumBalanceCents: 100_00n,
      catchUpDays: 7,
    };
    const { run } = await openRun(db, { date, trigger: "manual", policy, actor: "test", now: NOW });
    await decideChunk(db, { runId: run.id, limit: 2, now: NOW });
    expect(await cancelUnchangedRun(db, run, cancelling)).toBeNull();
    const present = await getRun(db, run.id);
    expect(await cancelUnchangedRun(db, present, cancelling)).toBe(2);
    expect(await cancelUnchangedRun(db, await getRun(db, run.id), cancelling)).toBeNull();
  });

  it("a batch of invoices that waits while its run is cancelled creates none", async () => {
    const { db } = data.ctx;
    const run = await getRun(db, (await decidedRun(data.ctx, "2026-12-07")).id);
    const { a = 0, b = 0 } = await userIds(data.database);
    const holder = await holdTransaction(data.database, async (sql) => {
      await sql`select id from users where id = ${a} for update`;
    });
    const batch = createInvoices(db, { runId: run.id, userIds: [a, b], now: NOW });
    await untilBlocked(data.database);
    expect(await cancelUnchangedRun(db, run, cancelling)).toBe(3);
    await holder.commit();
    // The batch began before the run was cancelled, finds the decisions settled, and moves nothing.
    expect(await batch).toEqual([]);
    expect(await findRun(db, "2026-12-07")).toMatchObject({ state: "cancelled" });
  });
});
