import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { getRun } from "../reads/runs.ts";
import { fingerprint, openTestData, runWithFailure, type TestData } from "../testing/index.ts";
import { completeRun } from "./complete-run.ts";
import { createInvoices } from "./create-invoices.ts";
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

const reopen = (runId: number) => reopenFailed(data.ctx.db, { runId, actor: "test", now: NOW });

describe("retry of failed decisions", () => {
  it("a retry reopens the failed decisions and their completed run, under the actor's name", async () => {
    const run = await runWithFailure(data.ctx);
    await completeRun(data.ctx.db, run, NOW);
    expect(await reopen(run.id)).toEqual([2]);
    expect(await getRun(data.ctx.db, run.id)).toMatchObject({ state: "processing", completedAt: null, retries: 1 });
    const audit = await data.database.sql`select actor, before, after from audit_log where action = 'run.retry'`;
    expect([...audit]).toEqual([
      { actor: "test", before: { state: "completed" }, after: { state: "processing", reopened: 1 } },
    ]);
  });

  it("a retry changes nothing when no decision failed", async () => {
    const run = await runWithFailure(data.ctx);
    await reopen(run.id);
    await createInvoices(data.ctx.db, { runId: run.id, userIds: [2], now: NOW });
    await completeRun(data.ctx.db, await getRun(data.ctx.db, run.id), NOW);
    const before = await fingerprint(data.database);
    expect(await reopen(run.id)).toEqual([]);
    expect(await reopen(999)).toEqual([]);
    expect(await fingerprint(data.database)).toEqual(before);
  });
});
