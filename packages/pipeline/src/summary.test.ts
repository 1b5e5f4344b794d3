import { findRun, recordTick } from "@cpa-payouts/db";
import { decidedRun, fingerprint, invoicedRun, openTestData, type TestData, testPolicy } from "@cpa-payouts/db/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { currentOrNextPaymentDate, findNextDate, previewRun, summarizeRun } from "./summary.ts";
import { verify } from "./verify.ts";

let data: TestData;

beforeEach(async () => {
  data = await openTestData({
    users: [
      { externalId: "a", balance: "100.00" },
      { externalId: "new", previousInvoices: 0, balance: "250.50" },
      { externalId: "closed", status: "closed" },
      { externalId: "poor", balance: "99.99" },
      { externalId: "unapproved", method: "pending" },
      { externalId: "owed-nothing", balance: "0" },
    ],
  });
});

afterEach(async () => {
  await data.close();
});

const skipped = { inactive: 1, "below-minimum": 1, "no-approved-method": 1, "first-time-waits": 0 };

describe("preview of a payment date", () => {
  it("a preview has the totals that the run then has", async () => {
    const preview = await previewRun(data.ctx, "2026-12-07", testPolicy);
    expect(preview).toEqual({
      paymentDate: "2026-12-07",
      kind: "first-monday",
      state: "preview",
      considered: 5,
      invoiced: 2,
      failed: 0,
      skipped,
      totalCents: 350_50n,
    });
    const { run } = await invoicedRun(data, "2026-12-07");
    expect(await summarizeRun(data.ctx, run)).toEqual({ ...preview, state: run.state });
  });

  it("a preview of a mid-month date skips first-time users", async () => {
    expect(await previewRun(data.ctx, "2026-12-21", testPolicy)).toMatchObject({
      invoiced: 1,
      skipped: { ...skipped, "first-time-waits": 1 },
      totalCents: 100_00n,
    });
  });

  it("a preview uses the configured minimum", async () => {
    const policy = { ...testPolicy, minimumBalanceCents: 99_99n };
    expect(await previewRun(data.ctx, "2026-12-07", policy)).toMatchObject({
      invoiced: 3,
      skipped: { "below-minimum": 0 },
    });
  });

  it("a preview of a date that has a run is the summary of that run", async () => {
    await invoicedRun(data, "2026-12-07");
    const run = await findRun(data.ctx.db, "2026-12-07");
    const preview = await previewRun(data.ctx, "2026-12-07", { ...testPolicy, minimumBalanceCents: 1n });
    expect(preview).toMatchObject({ state: run?.state, invoiced: 2, totalCents: 350_50n });
  });

  it("a preview of a day that is no payment date names the next payment date", async () => {
    expect(await previewRun(data.ctx, "2026-12-08", testPolicy)).toEqual({
      paymentDate: "2026-12-08",
      state: "not-a-payment-date",
      next: "2026-12-21",
    });
  });

  it("a preview writes nothing", async () => {
    const before = await fingerprint(data.database);
    await previewRun(data.ctx, "2026-12-07", testPolicy);
    expect(await fingerprint(data.database)).toEqual(before);
  });
});

describe("default payment date", () => {
  it.each([
    ["2026-12-07", "2026-12-07", "first-monday"],
    ["2026-12-08", "2026-12-21", "mid-month"],
    ["2026-12-21", "2026-12-21", "mid-month"],
    ["2026-12-22", "2027-01-04", "first-monday"],
  ])("the payment date that a preview on %s shows by default is %s (%s)", (today, date, kind) => {
    expect(currentOrNextPaymentDate(today)).toEqual({ date, kind });
  });
});

describe("next payment date without a run", () => {
  it("today's payment date is the next one until it has a run", async () => {
    expect(await findNextDate(data.ctx, testPolicy)).toEqual({ date: "2026-12-07", kind: "first-monday" });
    await decidedRun(data.ctx, "2026-12-07");
    expect(await findNextDate(data.ctx, testPolicy)).toEqual({ date: "2026-12-21", kind: "mid-month" });
  });

  it("a date that was due before going live is not the next one, before and after the first tick", async () => {
    const midMonth = { date: "2026-12-21", kind: "mid-month" };
    data.clock.set("2026-12-07T09:00:00Z");
    expect(await findNextDate(data.ctx, testPolicy)).toEqual(midMonth);
    await recordTick(data.ctx.db, data.clock(), { isAlerting: false });
    data.clock.set("2026-12-07T09:05:00Z");
    expect(await findNextDate(data.ctx, testPolicy)).toEqual(midMonth);
  });
});

describe("verify", () => {
  it("every invariant is checked, those of the calendar included, and all hold after a run", async () => {
    const checked: string[] = [];
    await invoicedRun(data, "2026-12-07");
    expect(await verify(data.ctx, testPolicy, (invariant) => checked.push(invariant))).toEqual([]);
    expect(checked).toContain("the date of a run is a payment date of its kind");
    expect(checked).toContain("no payment date was missed");
  });

  it("a run on a Monday that is no payment date and a run of the wrong kind are found", async () => {
    await decidedRun(data.ctx, "2026-12-07");
    await data.database.sql`update payment_runs set kind = 'mid-month'`;
    await data.database.sql`
      insert into payment_runs (payment_date, kind, trigger, minimum_balance_cents, policy, opened_by, opened_at)
      values ('2026-12-14', 'first-monday', 'manual', 1, '{}', 'test', now())`;
    const violations = await verify(data.ctx, testPolicy);
    expect(violations.map(({ subject, detail }) => `${subject}: ${detail}`)).toEqual([
      "run 2026-12-14: stored as first-monday, the calendar says no payment date",
      "run 2026-12-07: stored as mid-month, the calendar says first-monday",
    ]);
  });
});
