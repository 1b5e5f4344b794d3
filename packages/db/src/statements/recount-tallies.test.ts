import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../client.ts";
import { listAuditLog } from "../reads/audit-log.ts";
import { findViolations } from "../reads/invariants.ts";
import { invoicedRun, onConnection, openTestData, type TestData } from "../testing/index.ts";
import { everything, reviewOf } from "../testing/invoice-reviews.ts";
import { addUpTallies } from "./add-up-tallies.ts";
import { recordInvoiceReview } from "./record-invoice-review.ts";
import { recountTallies } from "./recount-tallies.ts";

let data: TestData;
let db: Db;

beforeEach(async () => {
  data = await openTestData({
    users: [{ externalId: "a" }, { externalId: "b" }, { externalId: "c", balance: "1.00" }],
  });
  await invoicedRun(data, "2026-12-07");
  db = data.ctx.db;
});

afterEach(() => data.close());

const recount = (on = db) => recountTallies(on, { actor: "root", now: data.clock() });
const violations = () => findViolations(db, () => {});

/** Makes tallies wrong in every way: a wrong count, a wrong amount, a missing group, a group that counts nothing. */
async function spoil(): Promise<void> {
  await data.database.sql`update invoice_tallies set invoices = invoices + 3, amount_cents = amount_cents - 50000`;
  await data.database.sql`delete from decision_tallies where outcome = 'skipped'`;
  await data.database.sql`insert into decision_tallies (run_id, outcome, users) values (1, 'failed', 7)`;
}

describe("recount of the tallies", () => {
  it("a recount corrects every tally that differs, says what differed and leaves an audit row for each", async () => {
    await spoil();
    const result = await recount();
    expect(result).toEqual({
      status: "recounted",
      differences: [
        { subject: "decisions of run 1, failed", detail: "tallied 7, found 0" },
        { subject: "decisions of run 1, skipped below-minimum", detail: "tallied 0, found 1" },
        {
          subject: "invoices of run 1, pending",
          detail: "tallied 5 over -20000 cents, found 2 over 30000 cents",
        },
      ],
    });
    expect(await violations()).toEqual([]);
    const audit = await listAuditLog(db, { action: "tallies.recount" }, { limit: 10 });
    expect(audit.map(({ actor, object }) => `${actor} ${object}`)).toEqual(Array(3).fill("root tallies"));
  });

  it("a recount of right tallies changes nothing", async () => {
    expect(await recount()).toEqual({ status: "recounted", differences: [] });
    expect(await listAuditLog(db, { action: "tallies.recount" }, { limit: 1 })).toEqual([]);
  });

  it("of two recounts at the same moment one corrects the tallies and the other does nothing", async () => {
    await spoil();
    const first = await holdTransaction(data.database, (sql) => recount(onConnection(sql)));
    const second = recount();
    await untilBlocked(data.database);
    await first.commit();
    expect(await second).toEqual({ status: "not-alone" });
    expect(await violations()).toEqual([]);
  });

  it("a recount is exact while an add-up is under way", async () => {
    await spoil();
    await data.database
      .sql`insert into invoice_tallies (run_id, status, invoices, amount_cents) values (1, 'pending', 2, 9)`;
    const adding = await holdTransaction(data.database, (sql) => addUpTallies(onConnection(sql)));
    expect(await recount()).toMatchObject({ status: "recounted" });
    await adding.commit();
    expect(await violations()).toEqual([]);
  });

  it("a recount is exact while a review is under way", async () => {
    await spoil();
    const review = reviewOf("finance", everything, { status: "rejected", reason: "test", disposition: "return" });
    const reviewing = await holdTransaction(data.database, async (sql) => {
      await sql`update invoices set status = 'paid', reviewed_by = 'finance' where number = 'INV-20261207-1'`;
    });
    expect(await recount()).toMatchObject({ status: "recounted" });
    await reviewing.rollback();
    await recordInvoiceReview(db, review);
    expect(await violations()).toEqual([]);
  });
});
