import { CEILING_CENTS } from "@cpa-payouts/core";
import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { invoicedRun, openTestData, type TestData, usersAtCeiling } from "../testing/index.ts";
import { counted, reviewOf, storedPreview } from "../testing/invoice-reviews.ts";
import { recordInvoiceReview } from "./record-invoice-review.ts";

let data: TestData;

/** A user whose pending invoice is as large as a balance may be, and one with a usual invoice. */
beforeEach(async () => {
  data = await openTestData({ users: [{ externalId: "poor", balance: "150.00" }] });
  await usersAtCeiling(data.database, 1);
  await invoicedRun(data, "2026-12-07");
});

afterEach(() => data.close());

const all = { filter: {} };
const returned = { status: "rejected", reason: "wrong", disposition: "return" } as const;
const toReturn = reviewOf("bob", all, returned);

async function review(to = toReturn): Promise<Record<string, unknown>> {
  return counted((await recordInvoiceReview(data.ctx.db, to)).counts);
}

/** As a credit or an adjustment changes the balance. */
const changeBalance = (cents: bigint) => `
  with owner as (
    update users set balance_cents = balance_cents + ${cents} where external_id = 'rich-1' returning id
  )
  insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
  select id, 'adjustment', ${cents}, 'test', 'test', now() from owner`;

const verify = () => findViolations(data.ctx.db, () => {});

describe("return of an invoice beyond the ceiling of balances", () => {
  it("preview and review count the invoice as above the ceiling, and the others are reviewed", async () => {
    await data.database.sql.unsafe(changeBalance(1n));
    const preview = await storedPreview(data, toReturn);
    const counts = { reviewed: [1, 150_00n], "above-ceiling": [1, CEILING_CENTS] };
    expect(counted(preview.counts)).toEqual(counts);
    const outcome = await recordInvoiceReview(data.ctx.db, toReturn, preview);
    expect(outcome.refusal).toBeNull();
    expect(counted(outcome.counts)).toEqual(counts);
    expect(await verify()).toEqual([]);
  });

  it("once the balance is lowered, the invoice is returned", async () => {
    await data.database.sql.unsafe(changeBalance(1n));
    const before = await storedPreview(data, toReturn);
    await data.database.sql.unsafe(changeBalance(-1n));
    expect(await recordInvoiceReview(data.ctx.db, toReturn, before)).toMatchObject({ refusal: "set-changed" });
    expect(await review()).toEqual({ reviewed: [2, CEILING_CENTS + 150_00n] });
    expect(await verify()).toEqual([]);
  });

  it("the invoice can be paid and forfeited", async () => {
    await data.database.sql.unsafe(changeBalance(1n));
    const forfeited = { ...returned, disposition: "forfeit" } as const;
    expect(await review(reviewOf("bob", all, forfeited))).toEqual({ reviewed: [2, CEILING_CENTS + 150_00n] });
    expect(await verify()).toEqual([]);
  });

  it("of two invoices of one user that fit one by one only, none is returned with the other, and each alone", async () => {
    await data.database.sql.unsafe(changeBalance(200_00n));
    await invoicedRun(data, "2026-12-21");
    expect(await review()).toEqual({ reviewed: [1, 150_00n], "above-ceiling": [2, CEILING_CENTS + 200_00n] });
    const [rich] = await data.database.sql<{ number: string }[]>`
      select number from invoices where payment_date = '2026-12-21'`;
    expect(await review(reviewOf("bob", { numbers: [rich?.number ?? ""] }, returned))).toEqual({
      reviewed: [1, 200_00n],
    });
    expect(await review()).toEqual({ "above-ceiling": [1, CEILING_CENTS] });
    expect(await verify()).toEqual([]);
  });

  it("a review that waits for a credit of the user sees the balance after it", async () => {
    const credit = await holdTransaction(data.database, (sql) => sql.unsafe(changeBalance(1n)));
    const reviewing = review();
    await untilBlocked(data.database);
    await credit.commit();
    expect(await reviewing).toEqual({ reviewed: [1, 150_00n], "above-ceiling": [1, CEILING_CENTS] });
    expect(await verify()).toEqual([]);
  });

  it("an invoice that an earlier version made larger than the ceiling can be forfeited, and not be returned", async () => {
    await data.database.sql`update users set balance_cents = -1 where external_id = 'rich-1'`;
    await data.database
      .sql`update invoices set amount_cents = amount_cents + 1 where amount_cents = ${CEILING_CENTS.toString()}::bigint`;
    expect(await review()).toEqual({ reviewed: [1, 150_00n], "above-ceiling": [1, CEILING_CENTS + 1n] });
    const forfeited = { ...returned, disposition: "forfeit" } as const;
    expect(await review(reviewOf("bob", all, forfeited))).toEqual({ reviewed: [1, CEILING_CENTS + 1n] });
  });
});
