import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { previewInvoiceReview } from "../reads/invoice-review-preview.ts";
import { findInvoice } from "../reads/invoices.ts";
import { fingerprint, invoicedRun, type TestData } from "../testing/index.ts";
import { counted, limitTo500, openInvoicesAround500, reviewOf } from "../testing/invoice-reviews.ts";
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
    const preview = await previewInvoiceReview(data.ctx.db, reviewOf("alice"));
    expect(await fingerprint(data.database)).toEqual(before);
    expect(counted(preview.counts)).toEqual({ reviewed: [3, 10_000_01n] });
    expect(preview.alreadyReviewed).toEqual([{ status: "paid", invoices: 1 }]);

    const outcome = await recordInvoiceReview(data.ctx.db, reviewOf("alice"), preview.digest);
    expect(outcome.isExpected).toBe(true);
    expect(counted(outcome.counts)).toEqual({ reviewed: [3, 10_000_01n] });
    expect(counted((await recordInvoiceReview(data.ctx.db, reviewOf("alice"))).counts)).toEqual({});
  });

  it("a bulk review is refused as a whole when an invoice of the set was reviewed in between", async () => {
    const { digest } = await previewInvoiceReview(data.ctx.db, reviewOf("alice"));
    await recordInvoiceReview(data.ctx.db, reviewOf("bob", { numbers: [number(2)] }));
    const before = await fingerprint(data.database);
    expect(await recordInvoiceReview(data.ctx.db, reviewOf("alice"), digest)).toMatchObject({ isExpected: false });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a bulk review is refused as a whole when another invoice joined the set", async () => {
    const selection = { filter: { minimumAmountCents: 100_00n } };
    const { digest } = await previewInvoiceReview(data.ctx.db, reviewOf("alice", selection));
    await data.database.sql`update users set balance_cents = 150_00, invoice_count = 1`;
    await data.database.sql`
      insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
      select id, 'adjustment', 150_00, 'test', 'test', now() from users`;
    await invoicedRun(data, "2026-12-21");
    expect(await recordInvoiceReview(data.ctx.db, reviewOf("alice", selection), digest)).toMatchObject({
      isExpected: false,
    });
  });

  it("a bulk review is refused as a whole when a change of the settings changed its results", async () => {
    const { digest } = await previewInvoiceReview(data.ctx.db, reviewOf("alice"));
    await limitTo500(data);
    expect(await recordInvoiceReview(data.ctx.db, reviewOf("alice"), digest)).toMatchObject({ isExpected: false });
  });

  it("a bulk review that waited for another review is refused when that one changed the set", async () => {
    const { digest } = await previewInvoiceReview(data.ctx.db, reviewOf("alice"));
    const holder = await holdTransaction(data.database, async (sql) => {
      await sql`update invoices set status = 'paid', reviewed_by = 'bob', reviewed_at = now() where number = ${number(3)}`;
      await sql`insert into audit_log (at, actor, action, object) values (now(), 'bob', 'invoice.pay', ${`invoice:${number(3)}`})`;
    });
    const review = recordInvoiceReview(data.ctx.db, reviewOf("alice"), digest);
    await untilBlocked(data.database);
    await holder.commit();
    expect(await review).toMatchObject({ isExpected: false });
    expect(await findInvoice(data.ctx.db, number(1))).toMatchObject({ status: "pending" });
  });

  it("an empty set of invoices has a digest, and a review of it with another digest is refused", async () => {
    const nothing = reviewOf("alice", { filter: { externalId: "unknown" } });
    const { counts, digest } = await previewInvoiceReview(data.ctx.db, nothing);
    expect(counts).toEqual([]);
    expect(await recordInvoiceReview(data.ctx.db, nothing, digest)).toEqual({ isExpected: true, counts: [] });
    expect(await recordInvoiceReview(data.ctx.db, nothing, "else")).toMatchObject({ isExpected: false });
  });
});
