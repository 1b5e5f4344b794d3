import { holdTransaction } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Db } from "../client.ts";
import { findViolations } from "../reads/invariants.ts";
import { tallyInvoices } from "../reads/invoice-totals.ts";
import { importNetwork, invoicedRun, onConnection, openTestData, type TestData } from "../testing/index.ts";
import { reviewOf } from "../testing/invoice-reviews.ts";
import { addUpTallies } from "./add-up-tallies.ts";
import { recordInvoiceReview } from "./record-invoice-review.ts";
import { recountTallies } from "./recount-tallies.ts";

let data: TestData;
let db: Db;

beforeEach(async () => {
  data = await openTestData();
  db = data.ctx.db;
});

afterEach(() => data.close());

/** Adds tally rows `[invoices, cents]` of pending invoices of run 1, each as if by a statement of its own. */
async function add(...rows: readonly (readonly [number, number])[]): Promise<void> {
  for (const [invoices, cents] of rows)
    await data.database.sql`
      insert into invoice_tallies (run_id, status, invoices, amount_cents) values (1, 'pending', ${invoices}, ${cents})`;
}

const users = (count: number) => Array.from({ length: count }, (_, index) => ({ externalId: `u${index}` }));

async function tallies(): Promise<string[]> {
  const rows = await data.database.sql<{ tally: string }[]>`
    select invoices || ' over ' || amount_cents as tally from invoice_tallies order by id`;
  return rows.map(({ tally }) => tally);
}

describe("adding up the tallies", () => {
  it("the rows of a group become one row", async () => {
    await add([1, 100], [1, 250], [-1, -100]);
    await addUpTallies(db);
    expect(await tallies()).toEqual(["1 over 250"]);
  });

  it("a group whose figures are all zero has no row", async () => {
    await add([1, 100], [-1, -100]);
    await addUpTallies(db);
    expect(await tallies()).toEqual([]);
  });

  it("a group whose count is zero keeps its amount", async () => {
    await add([1, 60_000], [-1, -10_000]);
    await addUpTallies(db);
    expect(await tallies()).toEqual(["0 over 50000"]);
  });

  it("an add-up that comes while another is under way loses nothing of what was added in between", async () => {
    await add([1, 100], [1, 10_000]);
    const first = await holdTransaction(data.database, (sql) => addUpTallies(onConnection(sql)));
    await add([1, 60_000], [-1, -10_000]);
    await addUpTallies(db);
    await first.commit();
    await addUpTallies(db);
    expect(await tallies()).toEqual(["2 over 60100"]);
  });

  it("the tallies are exact after add-ups, recounts and reviews that ran all at once", async () => {
    await importNetwork(data.ctx, users(60));
    await invoicedRun(data, "2026-12-07");
    await Promise.all(
      users(60).flatMap((_, index) => [
        recordInvoiceReview(db, reviewOf("finance", { numbers: [`INV-20261207-${index + 1}`] })),
        addUpTallies(db),
        index % 5 === 0 ? recountTallies(db, { actor: "test", now: data.clock() }) : addUpTallies(db),
      ]),
    );
    expect(await tallyInvoices(db)).toMatchObject([{ status: "paid", invoices: 60, amountCents: 9_000_00n }]);
    expect(await findViolations(db, () => {})).toEqual([]);
  });
});
