import { readdirSync, readFileSync } from "node:fs";
import { CEILING_CENTS } from "@cpa-payouts/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Db } from "./client.ts";
import { previewDecisions } from "./reads/decision-preview.ts";
import { totalsOfRun } from "./reads/decision-totals.ts";
import { findViolations } from "./reads/invariants.ts";
import { previewInvoiceReview } from "./reads/invoice-review-preview.ts";
import { tallyInvoices, totalInvoices, totalInvoicesQuickly } from "./reads/invoice-totals.ts";
import { tallyUsers } from "./reads/users.ts";
import { addUpTallies } from "./statements/add-up-tallies.ts";
import { recordInvoiceReview } from "./statements/record-invoice-review.ts";
import { invoicedRun, openTestData, type TestData, usersAtCeiling } from "./testing/index.ts";
import { counted, everything, reviewOf } from "./testing/invoice-reviews.ts";

const sources = new URL(".", import.meta.url);

/** Enough users for a sum that does not fit a bigint. */
const USERS = 10_000;
const SUM = BigInt(USERS) * CEILING_CENTS;

describe("sums", () => {
  it("no statement narrows a sum of money, or a count, to a type that can overflow", () => {
    const files = readdirSync(sources, { recursive: true, encoding: "utf8" }).filter((file) =>
      /(?<!test)\.ts$/.test(file),
    );
    const narrowed = files.flatMap((file) => {
      const text = readFileSync(new URL(file, sources), "utf8");
      const found = text.matchAll(/sum\([^)]*cents[^)]*\)(, 0\))?::\w+|(count|sum)\([^)]*\)(, 0\))?::(int|integer)\b/g);
      return [...found].map(([cast]) => `${file}: ${cast}`);
    });
    expect(files).toContain("reads/users.ts");
    expect(narrowed).toEqual([]);
  });
});

describe("figures of many users at the ceiling", () => {
  let data: TestData;
  let db: Db;
  let runId: number;

  beforeAll(async () => {
    data = await openTestData();
    db = data.ctx.db;
    await usersAtCeiling(data.database, USERS);
    expect(SUM).toBeGreaterThan(2n ** 63n);
    expect(await tallyUsers(db)).toEqual([{ status: "active", users: USERS, balanceCents: SUM }]);
    const date = { date: "2026-12-07", kind: "first-monday" } as const;
    const preview = await previewDecisions(db, { date, minimumBalanceCents: 100_00n, now: data.clock() });
    expect(preview).toMatchObject({ considered: USERS, invoiced: USERS, totalCents: SUM });
    const { run } = await invoicedRun(data, "2026-12-07");
    runId = run.id;
  });

  afterAll(() => data.close());

  it("the totals of a run and of invoices are exact, before and after the tallies are added up", async () => {
    for (const when of ["before", "after"]) {
      expect(await totalsOfRun(db, runId), when).toMatchObject({ invoiced: USERS, totalCents: SUM });
      expect(await tallyInvoices(db), when).toEqual([{ status: "pending", invoices: USERS, amountCents: SUM }]);
      const counted = { minimumAmountCents: 1n };
      expect(await totalInvoices(db, {}), when).toEqual({ invoices: USERS, amountCents: SUM, isExact: true });
      expect(await totalInvoices(db, counted), when).toEqual({ invoices: USERS, amountCents: SUM, isExact: true });
      expect(await totalInvoicesQuickly(db, counted), when).toMatchObject({ amountCents: SUM });
      await addUpTallies(db);
    }
  });

  it("every invariant can be checked and holds", async () => {
    expect(await findViolations(db, () => {})).toEqual([]);
  });

  it("all invoices can be rejected at once, and each amount goes back to its balance", async () => {
    const returned = { status: "rejected", reason: "test", disposition: "return" } as const;
    const review = reviewOf("finance", everything, returned);
    expect(counted((await previewInvoiceReview(db, review)).counts)).toEqual({ reviewed: [USERS, SUM] });
    expect(counted((await recordInvoiceReview(db, review)).counts)).toEqual({ reviewed: [USERS, SUM] });
    expect(await tallyUsers(db)).toEqual([{ status: "active", users: USERS, balanceCents: SUM }]);
    expect(await findViolations(db, () => {})).toEqual([]);
  });
});
