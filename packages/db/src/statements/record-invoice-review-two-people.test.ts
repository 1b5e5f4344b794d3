import { NEW_POWER_MS } from "@cpa-payouts/core";
import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { InvoiceReview } from "../invoice-review.ts";
import { findViolations } from "../reads/invariants.ts";
import { findInvoice } from "../reads/invoices.ts";
import type { TestData } from "../testing/index.ts";
import {
  counted,
  everything,
  limitTo500,
  NOW,
  openInvoicesAround500,
  reviewOf,
  storedPreview,
} from "../testing/invoice-reviews.ts";
import { insertAdmin } from "./insert-admin.ts";
import { recordInvoiceReview } from "./record-invoice-review.ts";
import { updateAdmin } from "./update-admin.ts";
import { updateSettings } from "./update-settings.ts";

const LONG_AGO = new Date(NOW.getTime() - 2 * NEW_POWER_MS);
const number = (user: number) => `INV-20261207-${user}`;

let data: TestData;

beforeEach(async () => {
  data = await openInvoicesAround500();
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

describe("two-person rule", () => {
  beforeEach(() => limitTo500(data));

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

  const forfeit = { status: "rejected", reason: "fraud", disposition: "forfeit" } as const;

  it("an invoice above the limit is forfeited when a second person approves it, and both are in the audit log", async () => {
    const selection = { numbers: [number(1), number(3)] };
    const first = await recordInvoiceReview(data.ctx.db, reviewOf("alice", selection, forfeit));
    expect(counted(first.counts)).toEqual({ reviewed: [1, 100_00n], approved: [1, 500_01n] });
    const again = await recordInvoiceReview(data.ctx.db, reviewOf("alice", selection, forfeit));
    expect(counted(again.counts)).toEqual({ "same-person": [1, 500_01n] });
    expect(await findInvoice(data.ctx.db, number(3))).toMatchObject({ status: "pending", approvedToForfeit: true });
    await recordInvoiceReview(data.ctx.db, reviewOf("bob", selection, { ...forfeit, reason: "proven" }));
    expect(await findInvoice(data.ctx.db, number(3))).toMatchObject({
      status: "rejected",
      disposition: "forfeit",
      reason: "proven",
      approvedBy: "alice",
      reviewedBy: "bob",
    });
    const rows = await data.database.sql`
      select actor, action, reason, after from audit_log where object = ${`invoice:${number(3)}`} order by id`;
    expect([...rows].slice(1)).toEqual([
      {
        actor: "alice",
        action: "invoice.approve",
        reason: "fraud",
        after: { status: "pending", approvedBy: "alice", disposition: "forfeit" },
      },
      {
        actor: "bob",
        action: "invoice.reject",
        reason: "proven",
        after: { status: "rejected", disposition: "forfeit" },
      },
    ]);
  });

  it("an approval of a payment does not count for a forfeit, nor the other way round; the audit log has the replaced one", async () => {
    const selection = { numbers: [number(3)] };
    await recordInvoiceReview(data.ctx.db, reviewOf("alice", selection));
    const forfeited = await recordInvoiceReview(data.ctx.db, reviewOf("bob", selection, forfeit));
    expect(counted(forfeited.counts)).toEqual({ approved: [1, 500_01n] });
    const paid = await recordInvoiceReview(data.ctx.db, reviewOf("alice", selection));
    expect(counted(paid.counts)).toEqual({ approved: [1, 500_01n] });
    expect(await findInvoice(data.ctx.db, number(3))).toMatchObject({ approvedBy: "alice", approvedToForfeit: false });
    const rows = await data.database.sql`
      select before from audit_log where object = ${`invoice:${number(3)}`} and actor in ('alice', 'bob') order by id`;
    expect(rows.map(({ before }) => before)).toEqual([
      { status: "pending" },
      { status: "pending", approvedBy: "alice" },
      { status: "pending", approvedBy: "bob" },
    ]);
  });

  it("a program cannot forfeit any invoice, also without the two-person rule", async () => {
    await updateSettings(data.ctx.db, { actor: "test", twoPersonAboveCents: null, now: NOW });
    const program = await recordInvoiceReview(data.ctx.db, reviewOf("token:erp", everything, forfeit));
    expect(counted(program.counts)).toEqual({ "needs-a-person": [4, 10_100_01n] });
  });

  describe.each([
    ["payment", { status: "paid" } as const],
    ["forfeit", forfeit],
  ])("an account that another person may be using, and a %s", (_what, to) => {
    const email = "carol@example.com";
    const add = (now: Date, mustChangePassword = false) =>
      insertAdmin(data.ctx.db, { actor: "test", email, role: "operator", passwordHash: "x", mustChangePassword, now });
    /** The results of a preview and of its review, which must be the same. */
    const play = async (review: InvoiceReview) => {
      const preview = await storedPreview(data, review);
      const { refusal, counts } = await recordInvoiceReview(data.ctx.db, review, preview);
      expect([refusal, counted(counts)]).toEqual([null, counted(preview.counts)]);
      return counted(counts);
    };

    it.each([
      ["was created less than a day ago", new Date(NOW.getTime() - NEW_POWER_MS + 1), false],
      ["has a password that another person issued", LONG_AGO, true],
    ])("neither gives the first nor the second approval when it %s", async (_why, created, mustChangePassword) => {
      await add(created, mustChangePassword);
      const own = { ...reviewOf(email, everything, to) };
      expect(await play(own)).toEqual({ reviewed: [2, 600_00n], "new-power": [2, 9_500_01n] });
      expect(await findInvoice(data.ctx.db, number(3))).toMatchObject({ status: "pending", approvedBy: null });
      expect(await play(reviewOf("alice", everything, to))).toEqual({ approved: [2, 9_500_01n] });
      expect(await play(own)).toEqual({ "new-power": [2, 9_500_01n] });
      expect(await findInvoice(data.ctx.db, number(3))).toMatchObject({ status: "pending", approvedBy: "alice" });
    });

    it("approves when a day has passed", async () => {
      await add(new Date(NOW.getTime() - NEW_POWER_MS));
      await recordInvoiceReview(data.ctx.db, reviewOf("alice", everything, to));
      expect(await play(reviewOf(email, everything, to))).toEqual({ reviewed: [2, 9_500_01n] });
    });
  });

  describe.each([
    ["disabled", { isDisabled: true }],
    ["made a viewer", { role: "viewer" }],
  ] as const)("a first approver who has been %s since", (_what, change) => {
    const selection = { numbers: [number(3)] };
    const first = "carol@example.com";
    const manage = (input: { isDisabled?: boolean; role?: "operator" | "viewer" }) =>
      updateAdmin(data.ctx.db, { actor: "test", email: first, ...input, now: NOW });

    beforeEach(async () => {
      for (const email of ["root@example.com", first])
        await insertAdmin(data.ctx.db, { actor: "test", email, role: "admin", passwordHash: "x", now: LONG_AGO });
    });

    it.each([
      ["payment", { status: "paid" } as const],
      ["forfeit", forfeit],
    ])("the approval of that person does not count for a %s, and the next one is the first", async (_verdict, to) => {
      await recordInvoiceReview(data.ctx.db, reviewOf(first, selection, to));
      await manage(change);
      const review = reviewOf("bob", selection, to);
      const preview = await storedPreview(data, review);
      expect(counted(preview.counts)).toEqual({ approved: [1, 500_01n] });
      const next = await recordInvoiceReview(data.ctx.db, review, preview);
      expect([next.refusal, counted(next.counts)]).toEqual([null, { approved: [1, 500_01n] }]);
      expect(await findInvoice(data.ctx.db, number(3))).toMatchObject({ status: "pending", approvedBy: "bob" });
      const [row] = await data.database.sql`select before from audit_log where actor = 'bob'`;
      expect(row).toEqual({ before: { status: "pending", approvedBy: first } });
      const last = await recordInvoiceReview(data.ctx.db, reviewOf("alice", selection, to));
      expect(counted(last.counts)).toEqual({ reviewed: [1, 500_01n] });
    });

    it("a preview that counted on that person is out of date", async () => {
      await recordInvoiceReview(data.ctx.db, reviewOf(first, selection));
      const review = reviewOf("bob", selection);
      const preview = await storedPreview(data, review);
      await manage(change);
      expect((await recordInvoiceReview(data.ctx.db, review, preview)).refusal).toBe("set-changed");
    });

    it("the approval counts again when that person may review again, if no other one has approved meanwhile", async () => {
      await recordInvoiceReview(data.ctx.db, reviewOf(first, selection));
      await manage(change);
      await manage({ isDisabled: false, role: "operator" });
      const second = await recordInvoiceReview(data.ctx.db, reviewOf("bob", selection));
      expect(counted(second.counts)).toEqual({ reviewed: [1, 500_01n] });
    });
  });

  it("an approval that waits for another person's approval of the same invoice is the second one", async () => {
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`update invoices set approved_by = 'alice', approved_at = ${NOW} where number = ${number(4)}`,
    );
    const waiting = recordInvoiceReview(data.ctx.db, reviewOf("bob", { numbers: [number(4)] }));
    await untilBlocked(data.database);
    await holder.commit();
    expect((await waiting).counts).toMatchObject([{ result: "reviewed", invoices: 1 }]);
    const approved = { status: "paid", approvedBy: "alice", approvedAt: NOW, reviewedBy: "bob" };
    expect(await findInvoice(data.ctx.db, number(4))).toMatchObject(approved);
  });
});
