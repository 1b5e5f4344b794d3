import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { findInvoice } from "../reads/invoices.ts";
import { fingerprint, invoicedRun, type TestData } from "../testing/index.ts";
import {
  counted,
  limitTo500,
  NOW,
  openInvoicesAround500,
  reviewOf,
  storedPreview,
} from "../testing/invoice-reviews.ts";
import { recordInvoiceReview } from "./record-invoice-review.ts";

const number = (user: number) => `INV-20261207-${user}`;

let data: TestData;

beforeEach(async () => {
  data = await openInvoicesAround500();
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

describe("bulk review", () => {
  it("a bulk review does what its preview said, and nothing when it is repeated", async () => {
    await recordInvoiceReview(data.ctx.db, reviewOf("alice", { numbers: [number(1)] }));
    const before = await fingerprint(data.database);
    const preview = await storedPreview(data, reviewOf("alice"));
    expect(await fingerprint(data.database)).toEqual(before);
    expect(counted(preview.counts)).toEqual({ reviewed: [3, 10_000_01n] });
    expect(preview.alreadyReviewed).toEqual([{ status: "paid", invoices: 1 }]);

    const outcome = await recordInvoiceReview(data.ctx.db, reviewOf("alice"), preview);
    expect(outcome.refusal).toBeNull();
    expect(counted(outcome.counts)).toEqual({ reviewed: [3, 10_000_01n] });
    expect(counted((await recordInvoiceReview(data.ctx.db, reviewOf("alice"))).counts)).toEqual({});
  });

  it("a bulk review is refused as a whole when an invoice of the set was reviewed in between", async () => {
    const preview = await storedPreview(data, reviewOf("alice"));
    await recordInvoiceReview(data.ctx.db, reviewOf("bob", { numbers: [number(2)] }));
    const before = await fingerprint(data.database);
    expect(await recordInvoiceReview(data.ctx.db, reviewOf("alice"), preview)).toMatchObject({
      refusal: "set-changed",
    });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a bulk review is refused as a whole when another invoice joined the set", async () => {
    const selection = { filter: { minimumAmountCents: 100_00n } };
    const preview = await storedPreview(data, reviewOf("alice", selection));
    await data.database.sql`update users set balance_cents = 150_00, invoice_count = 1`;
    await data.database.sql`
      insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
      select id, 'adjustment', 150_00, 'test', 'test', now() from users`;
    await invoicedRun(data, "2026-12-21");
    expect(await recordInvoiceReview(data.ctx.db, reviewOf("alice", selection), preview)).toMatchObject({
      refusal: "set-changed",
    });
  });

  it("a bulk review is refused as a whole when a change of the settings changed its results", async () => {
    const preview = await storedPreview(data, reviewOf("alice"));
    await limitTo500(data);
    expect(await recordInvoiceReview(data.ctx.db, reviewOf("alice"), preview)).toMatchObject({
      refusal: "set-changed",
    });
  });

  it("a bulk review that waited for another review is refused when that one changed the set", async () => {
    const preview = await storedPreview(data, reviewOf("alice"));
    const holder = await holdTransaction(data.database, async (sql) => {
      await sql`update invoices set status = 'paid', reviewed_by = 'bob', reviewed_at = now() where number = ${number(3)}`;
      await sql`insert into audit_log (at, actor, action, object) values (now(), 'bob', 'invoice.pay', ${`invoice:${number(3)}`})`;
    });
    const review = recordInvoiceReview(data.ctx.db, reviewOf("alice"), preview);
    await untilBlocked(data.database);
    await holder.commit();
    expect(await review).toMatchObject({ refusal: "set-changed" });
    expect(await findInvoice(data.ctx.db, number(1))).toMatchObject({ status: "pending" });
  });

  it("a review of an empty set of invoices uses its preview up", async () => {
    const nothing = reviewOf("alice", { filter: { externalId: "unknown" } });
    const { counts, ...preview } = await storedPreview(data, nothing);
    expect(counts).toEqual([]);
    expect(await recordInvoiceReview(data.ctx.db, nothing, preview)).toEqual({ refusal: null, counts: [] });
    expect(await recordInvoiceReview(data.ctx.db, nothing, preview)).toEqual({ refusal: "used", counts: [] });
  });

  const later = new Date(NOW.getTime() + 1);

  it.each([
    ["unknown", "without any preview", {}, { tokenHash: "forged" }],
    ["another-person", "with the preview of another person", { actor: "bob" }, {}],
    ["another-person", "with an expired preview of another person", { actor: "bob", now: later }, {}],
    ["expired", "with a preview that has just expired", { now: later }, {}],
    ["other-request", "with a preview of another request", {}, { requestDigest: "other" }],
  ] as const)("a bulk review is refused as %s %s, and the preview stays valid", async (refusal, _why, now, changes) => {
    const review = reviewOf("alice");
    const preview = await storedPreview(data, review, { expiresAt: later });
    const before = await fingerprint(data.database);
    const tried = await recordInvoiceReview(data.ctx.db, { ...review, ...now }, { ...preview, ...changes });
    expect(tried).toEqual({ refusal, counts: [] });
    expect(await fingerprint(data.database)).toEqual(before);
    const made = await recordInvoiceReview(data.ctx.db, review, preview);
    expect(counted(made.counts)).toEqual({ reviewed: [4, 10_100_01n] });
  });

  it("a preview lets its review be made once, also when it expires afterwards", async () => {
    await limitTo500(data);
    const review = reviewOf("alice", { filter: { minimumAmountCents: 500_01n } });
    const preview = await storedPreview(data, review);
    expect(counted((await recordInvoiceReview(data.ctx.db, review, preview)).counts)).toEqual({
      approved: [2, 9_500_01n],
    });
    const before = await fingerprint(data.database);
    const muchLater = new Date(NOW.getTime() + 3_600_000);
    for (const now of [NOW, muchLater])
      expect(await recordInvoiceReview(data.ctx.db, { ...review, now }, preview)).toEqual({
        refusal: "used",
        counts: [],
      });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("of two simultaneous reviews with one preview one is made, and the other finds the preview used", async () => {
    const review = reviewOf("alice");
    const preview = await storedPreview(data, review);
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`select from invoices where number = ${number(1)} for update`,
    );
    const both = [1, 2].map(() => recordInvoiceReview(data.ctx.db, review, preview));
    await untilBlocked(data.database, 2);
    await holder.commit();
    const refusals = (await Promise.all(both)).map(({ refusal }) => refusal);
    expect(new Set(refusals)).toEqual(new Set([null, "used"]));
    expect(await findInvoice(data.ctx.db, number(1))).toMatchObject({ status: "paid" });
  });
});
