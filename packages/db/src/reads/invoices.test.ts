import { type InvoiceSort, invoiceSorts } from "@cpa-payouts/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addUpTallies } from "../statements/add-up-tallies.ts";
import { recordInvoiceReview } from "../statements/record-invoice-review.ts";
import { invoicedRun, openTestData, type TestData, type TestUser } from "../testing/index.ts";
import type { InvoiceFilter } from "./invoice-filter.ts";
import { tallyInvoices, totalInvoices, totalInvoicesQuickly } from "./invoice-totals.ts";
import { findInvoice, type InvoiceListing, listInvoices } from "./invoices.ts";

/** The amounts repeat, so that the sort order must break ties. */
const users: TestUser[] = Array.from({ length: 60 }, (_, index) => ({
  externalId: `u${index}`,
  balance: `${100 + (index % 7)}.00`,
}));

let data: TestData;
let all: InvoiceListing[];

beforeAll(async () => {
  data = await openTestData({ users });
  await invoicedRun(data, "2026-12-07");
  // An external id with the special characters of LIKE, and balances for another run.
  await data.database.sql`update users set external_id = '100%_off' where external_id = 'u7'`;
  await data.database.sql`update users set balance_cents = balance_cents + 20000`;
  data.clock.set("2026-12-21T02:00:00Z");
  await invoicedRun(data, "2026-12-21");
  const audit = { actor: "test", isProgram: false, now: data.clock() };
  const review = (numbers: string[], status: "paid" | "rejected") =>
    recordInvoiceReview(data.ctx.db, {
      ...audit,
      selection: { numbers },
      to: status === "paid" ? { status } : { status, reason: "test", disposition: "forfeit" },
    });
  const first = await listInvoices(data.ctx.db, { paymentDate: "2026-12-07" }, { sort: "oldest", limit: 1_000 });
  await review(
    first.slice(0, 30).map(({ number }) => number),
    "paid",
  );
  await review(
    first.slice(30, 40).map(({ number }) => number),
    "rejected",
  );
  all = await listInvoices(data.ctx.db, {}, { sort: "oldest", limit: 1_000 });
});

afterAll(async () => {
  await data.close();
});

const filters: [what: string, filter: InvoiceFilter, keeps: (invoice: InvoiceListing) => boolean][] = [
  ["no filter", {}, () => true],
  ["a status", { status: "pending" }, ({ status }) => status === "pending"],
  ["a payment date", { paymentDate: "2026-12-21" }, ({ paymentDate }) => paymentDate === "2026-12-21"],
  ["a date without a run", { paymentDate: "2026-11-02" }, () => false],
  ["a user", { externalId: "u3" }, ({ externalId }) => externalId === "u3"],
  ["an unknown user", { externalId: "unknown" }, () => false],
  ["a minimum amount", { minimumAmountCents: 103_00n }, ({ amountCents }) => amountCents >= 103_00n],
  ["a maximum amount", { maximumAmountCents: 103_00n }, ({ amountCents }) => amountCents <= 103_00n],
  ["an invoice number", { search: "inv-20261207-5" }, ({ number }) => number === "INV-20261207-5"],
  ["the beginning of an external id", { search: "u1" }, ({ externalId }) => externalId.startsWith("u1")],
  ["the beginning of an e-mail, in another case", { search: "U12@EXAMPLE" }, ({ externalId }) => externalId === "u12"],
  ["the beginning of a name", { search: "user U5" }, ({ externalId }) => externalId.startsWith("u5")],
  ["a pattern of LIKE", { search: "%" }, () => false],
  ["an external id with LIKE characters", { search: "100%_of" }, ({ externalId }) => externalId === "100%_off"],
  ["a text that matches no user", { search: "zzz" }, () => false],
  [
    "several conditions at once",
    { status: "paid", paymentDate: "2026-12-07", minimumAmountCents: 102_00n, search: "u1" },
    ({ status, paymentDate, amountCents, externalId }) =>
      status === "paid" && paymentDate === "2026-12-07" && amountCents >= 102_00n && externalId.startsWith("u1"),
  ],
  ["one approval so far", { isApprovedOnce: true }, () => false],
  ["no approval so far", { isApprovedOnce: false }, () => true],
];

const compare: Record<InvoiceSort, (a: InvoiceListing, b: InvoiceListing) => number> = {
  oldest: (a, b) => a.id - b.id,
  newest: (a, b) => b.id - a.id,
  smallest: (a, b) => Number(a.amountCents - b.amountCents) || a.id - b.id,
  largest: (a, b) => Number(b.amountCents - a.amountCents) || b.id - a.id,
};

async function pagesOf(filter: InvoiceFilter, sort: InvoiceSort, limit: number): Promise<InvoiceListing[]> {
  const found: InvoiceListing[] = [];
  for (;;) {
    const after = found.at(-1);
    const page = await listInvoices(data.ctx.db, filter, { sort, limit, ...(after ? { after } : {}) });
    found.push(...page);
    if (page.length < limit) return found;
  }
}

describe("list of invoices", () => {
  it("an invoice is returned with all its fields", async () => {
    expect(all).toHaveLength(120);
    expect(await findInvoice(data.ctx.db, "INV-20261207-35")).toEqual({
      id: 35,
      number: "INV-20261207-35",
      runId: 1,
      userId: 35,
      externalId: "u34",
      email: "u34@example.com",
      name: "User u34",
      paymentDate: "2026-12-07",
      amountCents: 106_00n,
      currency: "USD",
      destination: "u34@pay.example.com",
      status: "rejected",
      approvedBy: null,
      approvedAt: null,
      approvedToForfeit: false,
      reviewedBy: "test",
      reviewedAt: new Date("2026-12-21T02:00:00Z"),
      reason: "test",
      disposition: "forfeit",
      createdAt: new Date("2026-12-07T02:00:00Z"),
    });
    expect(await findInvoice(data.ctx.db, "INV-20261207-99")).toBeNull();
  });

  it.each(filters)("the list of invoices has exactly those that match: %s", async (_what, filter, keeps) => {
    const expected = all.filter(keeps);
    for (const sort of invoiceSorts) {
      const found = await pagesOf(filter, sort, 7);
      expect(found).toEqual([...expected].sort(compare[sort]));
    }
  });

  it.each(filters)("the totals are those of the invoices that match: %s", async (_what, filter, keeps) => {
    const expected = all.filter(keeps);
    const totals = {
      invoices: expected.length,
      amountCents: expected.reduce((sum, { amountCents }) => sum + amountCents, 0n),
      isExact: true,
    };
    expect(await totalInvoicesQuickly(data.ctx.db, filter)).toEqual(totals);
    expect(await totalInvoices(data.ctx.db, filter)).toEqual(totals);
  });

  it("the pages of the list of invoices do not shift when an invoice is reviewed between two of them", async () => {
    const other = await openTestData({ users: users.slice(0, 6) });
    await invoicedRun(other, "2026-12-07");
    const { db, clock } = other.ctx;
    const page = (after?: InvoiceListing) =>
      listInvoices(db, { status: "pending" }, { sort: "newest", limit: 3, ...(after ? { after } : {}) });
    const first = await page();
    const numbers = [first[0]?.number ?? ""];
    await recordInvoiceReview(db, {
      actor: "test",
      isProgram: false,
      now: clock(),
      selection: { numbers },
      to: { status: "paid" },
    });
    const second = await page(first.at(-1));
    expect([...first, ...second].map(({ id }) => id)).toEqual([6, 5, 4, 3, 2, 1]);
    await other.close();
  });
});

describe("tallies", () => {
  it("tallies equal the counts, before and after several processes merge their rows", async () => {
    const expected = [
      { status: "paid", invoices: 30 },
      { status: "pending", invoices: 80 },
      { status: "rejected", invoices: 10 },
    ];
    const present = async () => (await tallyInvoices(data.ctx.db)).sort((a, b) => a.status.localeCompare(b.status));
    const before = await present();
    expect(before).toMatchObject(expected);
    expect(before.reduce((sum, { amountCents }) => sum + amountCents, 0n)).toBe(
      all.reduce((sum, { amountCents }) => sum + amountCents, 0n),
    );
    await Promise.all([addUpTallies(data.ctx.db), addUpTallies(data.ctx.db), addUpTallies(data.ctx.db)]);
    expect(await present()).toEqual(before);
    const [rows] = await data.database.sql`select count(*)::int as rows from invoice_tallies`;
    expect(rows?.rows).toBe(4);
  });
});
