import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../client.ts";
import { findViolations } from "../reads/invariants.ts";
import { getRun } from "../reads/runs.ts";
import { openTestData, runWithFailure, type TestData } from "../testing/index.ts";
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

const retry = (runId: number) => ({ runId, afterUserId: 0, limit: 10, actor: "test", now: NOW });
const reopen = (runId: number) => reopenFailed(data.ctx.db, retry(runId));
const REOPENED = { reopened: 1, lastUserId: 2 };

describe("closing of a run that meets a retry", () => {
  it("a run is not closed by a statement that began before a retry and waited for it", async () => {
    const run = await runWithFailure(data.ctx);
    const holder = await holdTransaction(data.database, (sql) => sql`select from payment_runs for update`);
    const retried = reopen(run.id);
    await untilBlocked(data.database, 1);
    const closed = completeRun(data.ctx.db, run, NOW);
    await untilBlocked(data.database, 2);
    await holder.commit();
    expect([await retried, await closed]).toEqual([REOPENED, false]);
    expect(await getRun(data.ctx.db, run.id)).toMatchObject({ state: "fanning-out" });
  });

  it("a run is not closed by a process that read it before a retry and acts after it", async () => {
    const run = await runWithFailure(data.ctx);
    await reopen(run.id);
    await createInvoices(data.ctx.db, { runId: run.id, userIds: [2], now: NOW });
    const again = await getRun(data.ctx.db, run.id);
    await advanceFanOut(data.ctx.db, {
      runId: run.id,
      fanOutRound: again.fanOutRound,
      cursor: 2,
      finished: true,
      now: NOW,
    });
    expect(await completeRun(data.ctx.db, run, NOW)).toBe(false);
    expect(await completeRun(data.ctx.db, again, NOW)).toBe(true);
  });

  it("a closing that waited while a later chunk of a retry was opened and fanned out leaves the run open", async () => {
    const run = await runWithFailure(data.ctx);
    const holder = await holdTransaction(data.database, (sql) => sql`select from payment_runs for update`);
    const closed = completeRun(data.ctx.db, run, NOW);
    await untilBlocked(data.database);
    // As two statements do one after the other: the chunk, which does not count the retry again, and the end of the fan-out.
    await holder.sql`update run_decisions set outcome = 'open', error = null, settled_at = null where user_id = 2`;
    await holder.sql`update payment_runs set fan_out_round = fan_out_round + 1`;
    await holder.commit();
    expect(await closed).toBe(false);
  });

  it("a retry that waited for the closing of the run reopens it", async () => {
    const run = await runWithFailure(data.ctx);
    const holder = await holdTransaction(data.database, (sql) => sql`select from payment_runs for update`);
    const closed = completeRun(data.ctx.db, run, NOW);
    await untilBlocked(data.database, 1);
    const retried = reopen(run.id);
    await untilBlocked(data.database, 2);
    await holder.commit();
    expect([await closed, await retried]).toEqual([true, REOPENED]);
    expect(await getRun(data.ctx.db, run.id)).toMatchObject({ state: "fanning-out", completedAt: null });
  });

  it("retries and closings at the same moment never leave an open decision in a completed run", async () => {
    const run = await runWithFailure(data.ctx);
    const many = connect({ url: data.database.url, max: 8 });
    for (let round = 0; round < 20; round += 1) {
      const present = await getRun(many.db, run.id);
      await Promise.all([
        completeRun(many.db, present, NOW),
        reopenFailed(many.db, retry(run.id)),
        completeRun(many.db, present, NOW),
      ]);
      expect(await findViolations(many.db, () => {})).toEqual([]);
      await recordFailure(many.db, { runId: run.id, userId: 2, error: "no luck", now: NOW });
    }
    await many.close();
  });
});
