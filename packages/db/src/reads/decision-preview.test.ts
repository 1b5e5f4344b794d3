import type { PaymentDate } from "@cpa-payouts/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decidedRun, fingerprint, openTestData, ruleNetwork, type TestData, testPolicy } from "../testing/index.ts";
import { previewDecisions } from "./decision-preview.ts";
import { totalsOfRun } from "./decision-totals.ts";

const FIRST: PaymentDate = { date: "2026-12-07", kind: "first-monday" };
const MIDDLE: PaymentDate = { date: "2026-12-21", kind: "mid-month" };

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ users: ruleNetwork });
});

afterEach(async () => {
  await data.close();
});

describe("preview", () => {
  it.each([FIRST, MIDDLE])("the preview of $date equals what the run decides, and writes nothing", async (date) => {
    const before = await fingerprint(data.database);
    const preview = await previewDecisions(data.ctx.db, {
      date,
      minimumBalanceCents: testPolicy.minimumBalanceCents,
      now: data.clock(),
    });
    expect(await fingerprint(data.database)).toEqual(before);
    const run = await decidedRun(data.ctx, date.date);
    const totals = await totalsOfRun(data.ctx.db, run.id);
    expect(preview.skipped).toEqual(totals.skipped);
    expect([preview.considered, preview.invoiced]).toEqual([totals.considered, totals.open]);
    const [sum] = await data.database.sql<{ cents: bigint }[]>`
      select sum(balance_cents)::bigint as cents from run_decisions where decision = 'pay'`;
    expect(preview.totalCents).toBe(sum?.cents);
  });
});
