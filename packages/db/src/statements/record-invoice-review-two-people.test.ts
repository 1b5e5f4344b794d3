import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { InvoiceReview } from "../invoice-review.ts";
import { findViolations } from "../reads/invariants.ts";
import { findInvoice } from "../reads/invoices.ts";
import { invoicedRun, openTestData, type TestData } from "../testing/index.ts";
import { recordInvoiceReview } from "./record-invoice-review.ts";
import { updateSettings } from "./update-settings.ts";

const NOW = new Date("2026-12-08T10:00:00Z");
const number = (user: number) => `INV-20261207-${user}`;

let data: TestData;

beforeEach(async () => {
  data = await openTestData({
    users: [
      { externalId: "small", balance: "100.00" },
      { externalId: "limit", balance: "500.00" },
      { externalId: "large", balance: "500.01" },
      { externalId: "huge", balance: "9000.00" },
    ],
  });
  await invoicedRun(data, "2026-12-07");
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

const paid = { status: "paid" } as const;
const everything = { filter: { paymentDate: "2026-12-07" } };

function reviewOf(actor: string, selection: InvoiceReview["selection"] = everything, to: InvoiceReview["to"] = paid) {
  return { actor, isProgram: actor.startsWith("token:"), selection, to, now: NOW };
}

const limitOf500 = () => updateSettings(data.ctx.db, { actor: "test", twoPersonAboveCents: 500_00n, now: NOW });

/** Maps each result to its number of invoices and their sum in cents. */
function counted(counts: readonly { result: string; invoices: number; amountCents: bigint }[]) {
  return Object.fromEntries(counts.map(({ result, invoices, amountCents }) => [result, [invoices, amountCents]]));
}

describe("two-person rule", () => {
  beforeEach(limitOf500);

  it("an invoice above the limit is paid when a second person approves it", async () => {
    const first = await recordInvoiceReview(data.ctx.db, reviewOf("alice"));
    expect(counted(first.counts)).toEqual({ reviewed: [2, 600_00n], approved: [2, 9_500_01n] });
    expect(await findInvoice(data.ctx.db, number(3))).toMatchObject({
      status: "pending",
      approvedBy: "alice",
      approvedAt: NOW,
      reviewedBy: null,
    });
    const again = await recordInvoiceReview(data.ctx.db, reviewOf("alice"));
    expect(counted(again.counts)).toEqual({ "same-person": [2, 9_500_01n] });
    const second = await recordInvoiceReview(data.ctx.db, reviewOf("bob", { numbers: [number(3)] }));
    expect(second.counts).toEqual([{ result: "reviewed", invoices: 1, amountCents: 500_01n, numbers: [number(3)] }]);
    expect(await findInvoice(data.ctx.db, number(3))).toMatchObject({
      status: "paid",
      approvedBy: "alice",
      reviewedBy: "bob",
    });
  });

  it("both approvals of an invoice are in the audit log", async () => {
    await recordInvoiceReview(data.ctx.db, reviewOf("alice", { numbers: [number(3)] }));
    await recordInvoiceReview(data.ctx.db, reviewOf("bob", { numbers: [number(3)] }));
    const rows = await data.database.sql`
      select actor, action, before, after from audit_log where object = ${`invoice:${number(3)}`} order by id`;
    expect([...rows].slice(1)).toEqual([
      {
        actor: "alice",
        action: "invoice.approve",
        before: { status: "pending" },
        after: { status: "pending", approvedBy: "alice" },
      },
      { actor: "bob", action: "invoice.pay", before: { status: "pending" }, after: { status: "paid" } },
    ]);
  });

  it("a program cannot approve an invoice above the limit, and one person can reject it", async () => {
    const program = await recordInvoiceReview(data.ctx.db, reviewOf("token:erp"));
    expect(counted(program.counts)).toEqual({ reviewed: [2, 600_00n], "needs-a-person": [2, 9_500_01n] });
    const rejection = { status: "rejected", reason: "fraud", disposition: "return" } as const;
    const rejected = await recordInvoiceReview(data.ctx.db, reviewOf("alice", everything, rejection));
    expect(counted(rejected.counts)).toEqual({ reviewed: [2, 9_500_01n] });
  });

  it("an invoice that two people approve at the same moment is paid, with both of them recorded", async () => {
    const selection = { numbers: [number(4)] };
    const both = await Promise.all(
      ["alice", "bob"].map((actor) => recordInvoiceReview(data.ctx.db, reviewOf(actor, selection))),
    );
    const results = both.flatMap(({ counts }) => counts.map(({ result }) => result)).sort();
    expect(results).toEqual(["approved", "reviewed"]);
    const invoice = await findInvoice(data.ctx.db, number(4));
    expect(invoice?.status).toBe("paid");
    expect(new Set([invoice?.approvedBy, invoice?.reviewedBy])).toEqual(new Set(["alice", "bob"]));
  });
});
