import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { totalsOfRun } from "../reads/decision-totals.ts";
import { findDecision } from "../reads/decisions.ts";
import { findViolations } from "../reads/invariants.ts";
import { getRun } from "../reads/runs.ts";
import { decidedRun, fingerprint, openTestData, type TestData, testPolicy, userIds } from "../testing/index.ts";
import { createInvoices } from "./create-invoices.ts";
import { decideChunk } from "./decide-chunk.ts";
import { openRun } from "./open-run.ts";
import { recordFailure } from "./record-failure.ts";
import { reopenFailed } from "./reopen-failed.ts";
import { requestCancel } from "./request-cancel.ts";
import { skipCancelled } from "./skip-cancelled.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

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

const request = (runId: number) =>
  requestCancel(data.ctx.db, { runId, actor: "alice", reason: "wrong import", now: NOW });
const skip = (runId: number, part: { afterUserId?: number; limit?: number } = {}) =>
  skipCancelled(data.ctx.db, { runId, afterUserId: 0, limit: 10, now: NOW, ...part });
const ALREADY = { skipped: 0, lastUserId: null, finished: true };

describe("cancelled run", () => {
  it("a cancelled run keeps its invoices and skips the other users with a stored reason", async () => {
    const { db } = data.ctx;
    const run = await decidedRun(data.ctx, "2026-12-07");
    const { a = 0, b = 0, c = 0 } = await userIds(data.database);
    await createInvoices(db, { runId: run.id, userIds: [a], now: NOW });
    await recordFailure(db, { runId: run.id, userId: b, error: "broken", now: NOW });
    expect(await request(run.id)).toBe(true);
    expect(await skip(run.id)).toEqual({ skipped: 2, lastUserId: c, finished: true });
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
  });

  it("the audit log says who cancelled a run and why, and how many users it skipped in all chunks", async () => {
    const run = await decidedRun(data.ctx, "2026-12-07");
    await request(run.id);
    expect(await skip(run.id, { limit: 2 })).toMatchObject({ skipped: 2, finished: false });
    expect(await getRun(data.ctx.db, run.id)).toMatchObject({ state: "cancelling", cancelledAt: null });
    // The second chunk begins again from the first user, as after a crash.
    expect(await skip(run.id, { limit: 2 })).toMatchObject({ skipped: 1, finished: true });
    const audit = await data.database.sql`
      select action, actor, reason, before, after from audit_log where object = 'run:2026-12-07' order by id desc limit 2`;
    expect([...audit]).toEqual([
      {
        action: "run.close",
        actor: "system",
        reason: null,
        before: { state: "cancelling" },
        after: { state: "cancelled", skipped: 3 },
      },
      {
        action: "run.cancel",
        actor: "alice",
        reason: "wrong import",
        before: { state: "fanning-out" },
        after: { state: "cancelling" },
      },
    ]);
  });

  it("late jobs, retries and chunks of decisions change nothing once a run is being cancelled", async () => {
    const { db } = data.ctx;
    const run = await decidedRun(data.ctx, "2026-12-07");
    await recordFailure(db, { runId: run.id, userId: 1, error: "broken", now: NOW });
    await request(run.id);
    const idle = async () => {
      const before = await fingerprint(data.database);
      const ids = Object.values(await userIds(data.database));
      expect(await createInvoices(db, { runId: run.id, userIds: ids, now: NOW })).toEqual([]);
      const retry = { runId: run.id, afterUserId: 0, limit: 10, actor: "test", now: NOW };
      expect(await reopenFailed(db, retry)).toEqual({ reopened: 0, lastUserId: null });
      expect(await decideChunk(db, { runId: run.id, limit: 10, now: NOW })).toEqual({ decided: 0, finished: true });
      expect(await request(run.id)).toBe(false);
      expect(await fingerprint(data.database)).toEqual(before);
    };
    await idle();
    expect(await skip(run.id)).toMatchObject({ finished: true });
    await idle();
    expect(await skip(run.id)).toEqual(ALREADY);
  });

  it("an invoice of a cancelled run is refused, also from a program that does not test the run's state", async () => {
    const run = await decidedRun(data.ctx, "2026-12-07");
    const add = () =>
      data.database.sql`
        with settled as (
          update run_decisions set outcome = 'invoiced', reason = null, invoice_id = nextval('invoices_id_seq')
          where run_id = ${run.id} and user_id = 1 returning run_id, user_id, invoice_id
        )
        insert into invoices (id, number, user_id, run_id, payment_date, amount_cents, currency, destination, created_at)
        overriding system value
        select invoice_id, 'INV-20261207-1', user_id, run_id, '2026-12-07', 1, 'USD', 'a@pay.example.com', now() from settled`;
    const refusal = "the run of 2026-12-07 is cancelled: no invoice can be added to it";
    await request(run.id);
    await expect(add()).rejects.toThrow(refusal);
    await skip(run.id);
    await expect(add()).rejects.toThrow(refusal);
  });

  it("creating invoices tests the run's state itself, not only by the refusal of the table", async () => {
    const run = await decidedRun(data.ctx, "2026-12-07");
    await request(run.id);
    await data.database.sql`alter table invoices disable trigger user`;
    const ids = Object.values(await userIds(data.database));
    expect(await createInvoices(data.ctx.db, { runId: run.id, userIds: ids, now: NOW })).toEqual([]);
  });

  it("users of a run that is not cancelled are not skipped", async () => {
    const run = await decidedRun(data.ctx, "2026-12-07");
    const before = await fingerprint(data.database);
    expect(await skip(run.id)).toEqual(ALREADY);
    expect(await fingerprint(data.database)).toEqual(before);
  });
});

describe("cancelling at the same moment as other statements", () => {
  it("a cancelling that waited for a chunk of decisions is the last word: no further chunk is decided", async () => {
    const { db } = data.ctx;
    const date = { date: "2026-12-07", kind: "first-monday" } as const;
    const { run } = await openRun(db, { date, trigger: "manual", policy: testPolicy, actor: "test", now: NOW });
    // The chunk holds the run's row and waits for a decision that another client adds, and takes back.
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`
        insert into run_decisions (run_id, user_id, decision, balance_cents, outcome) values (${run.id}, 2, 'pay', 1, 'open')`,
    );
    const chunk = decideChunk(db, { runId: run.id, limit: 2, now: NOW });
    await untilBlocked(data.database, 1);
    const cancelled = request(run.id);
    await untilBlocked(data.database, 2);
    await holder.rollback();
    expect([await chunk, await cancelled]).toEqual([{ decided: 2, finished: false }, true]);
    expect(await decideChunk(db, { runId: run.id, limit: 2, now: NOW })).toEqual({ decided: 0, finished: true });
    expect(await skip(run.id)).toMatchObject({ skipped: 2, finished: true });
  });

  it("a batch of invoices that waits for a user while its run is cancelled creates none", async () => {
    const { db } = data.ctx;
    const run = await decidedRun(data.ctx, "2026-12-07");
    const { a = 0, b = 0 } = await userIds(data.database);
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`select id from users where id = ${a} for no key update`,
    );
    const batch = createInvoices(db, { runId: run.id, userIds: [a, b], now: NOW });
    await untilBlocked(data.database);
    // The decisions stay open, so only the run's state can stop the batch.
    expect(await request(run.id)).toBe(true);
    await holder.commit();
    expect(await batch).toEqual([]);
    expect(await skip(run.id)).toMatchObject({ skipped: 3, finished: true });
  });

  it("a batch of invoices that waits for a user while its run is completed or fans out goes on", async () => {
    const { db } = data.ctx;
    const run = await decidedRun(data.ctx, "2026-12-07");
    const { a = 0, b = 0 } = await userIds(data.database);
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`select id from users where id = ${a} for no key update`,
    );
    const batch = createInvoices(db, { runId: run.id, userIds: [a, b], now: NOW });
    await untilBlocked(data.database);
    await data.database.sql`update payment_runs set fan_out_cursor = 4, state = 'processing' where id = ${run.id}`;
    await holder.commit();
    expect(await batch).toHaveLength(2);
  });

  it("a batch of invoices that has settled its decisions when its run is cancelled is undone, and its users are skipped", async () => {
    const { db } = data.ctx;
    const run = await decidedRun(data.ctx, "2026-12-07");
    const { a = 0 } = await userIds(data.database);
    // The batch has settled its decision and waits for an invoice of the same user and date, which is taken back.
    const holder = await holdTransaction(data.database, async (sql) => {
      await sql`set local session_replication_role = replica`;
      await sql`
        insert into invoices (number, user_id, run_id, payment_date, amount_cents, currency, destination, created_at)
        values ('other', ${a}, ${run.id}, '2026-12-07', 1, 'USD', 'a@pay.example.com', now())`;
    });
    const batch = createInvoices(db, { runId: run.id, userIds: [a], now: NOW });
    await untilBlocked(data.database, 1);
    expect(await request(run.id)).toBe(true);
    const skipped = skip(run.id);
    await untilBlocked(data.database, 2);
    expect(await getRun(db, run.id)).toMatchObject({ state: "cancelling" });
    await holder.rollback();
    expect(await batch).toEqual([]);
    expect(await skipped).toMatchObject({ skipped: 3, finished: true });
  });

  it("several processes that skip the users of one run skip each of them once", async () => {
    const run = await decidedRun(data.ctx, "2026-12-07");
    await request(run.id);
    const chunks = await Promise.all(Array.from({ length: 4 }, () => skip(run.id, { limit: 2 })));
    while (!(await skip(run.id, { limit: 2 })).finished);
    expect(chunks.every(({ skipped }) => skipped <= 2)).toBe(true);
    const totals = await totalsOfRun(data.ctx.db, run.id);
    expect(totals).toMatchObject({ open: 0, skipped: { "run-cancelled": 3, "below-minimum": 1 } });
  });
});
