import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { InvoiceReview } from "../invoice-review.ts";
import { findViolations } from "../reads/invariants.ts";
import { fingerprint, importNetwork, invoicedRun, openTestData, type TestData } from "../testing/index.ts";
import { recordInvoiceReview } from "./record-invoice-review.ts";

const REVIEWED = new Date("2026-12-08T10:00:00Z");
const A = "INV-20261207-1";
const B = "INV-20261207-2";

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ users: [{ externalId: "a" }, { externalId: "b", balance: "200.00" }] });
  await invoicedRun(data, "2026-12-07");
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

const paid = { status: "paid" } as const;
const rejected = (disposition: "return" | "forfeit") => ({ status: "rejected", reason: "fraud", disposition }) as const;

/** Reviews invoices, and returns the numbers of those that were still to be reviewed. */
const review = async (to: InvoiceReview["to"], numbers: string | readonly string[]) => {
  const audit = { actor: "finance", isProgram: false, now: REVIEWED };
  const { counts } = await recordInvoiceReview(data.ctx.db, { ...audit, selection: { numbers: [numbers].flat() }, to });
  return new Set(counts.find(({ result }) => result === "reviewed")?.numbers);
};

async function stored(number: string) {
  const [invoice] = await data.database.sql`
    select i.status, reviewed_by, reviewed_at, reason, disposition, balance_cents as balance
    from invoices i join users u on u.id = i.user_id where number = ${number}`;
  return invoice;
}

describe("review of an invoice", () => {
  it("an invoice reviewed as paid leaves the balance as it is", async () => {
    expect(await review(paid, A)).toEqual(new Set([A]));
    expect(await stored(A)).toEqual({
      status: "paid",
      reviewed_by: "finance",
      reviewed_at: REVIEWED,
      reason: null,
      disposition: null,
      balance: 0n,
    });
    expect(await stored(B)).toMatchObject({ status: "pending" });
  });

  it("a rejected invoice gives its amount back to the balance by a ledger entry", async () => {
    expect(await review(rejected("return"), A)).toEqual(new Set([A]));
    expect(await stored(A)).toMatchObject({
      status: "rejected",
      reason: "fraud",
      disposition: "return",
      balance: 150_00n,
    });
    const entries = await data.database.sql`
      select kind, amount_cents, note, actor from ledger_entries where user_id = 1 order by id`;
    expect([...entries].at(-1)).toEqual({
      kind: "invoice-reversal",
      amount_cents: 150_00n,
      note: "fraud",
      actor: "finance",
    });
  });

  it("a forfeited invoice gives nothing back", async () => {
    await review(rejected("forfeit"), A);
    expect(await stored(A)).toMatchObject({ status: "rejected", disposition: "forfeit", balance: 0n });
  });

  it("a review leaves an audit row with actor, reason, before and after", async () => {
    await review(rejected("return"), A);
    await review(paid, B);
    const rows = await data.database.sql`
      select actor, action, object, reason, before, after from audit_log where actor = 'finance' order by id`;
    expect([...rows]).toEqual([
      {
        actor: "finance",
        action: "invoice.reject",
        object: `invoice:${A}`,
        reason: "fraud",
        before: { status: "pending" },
        after: { status: "rejected", disposition: "return" },
      },
      {
        actor: "finance",
        action: "invoice.pay",
        object: `invoice:${B}`,
        reason: null,
        before: { status: "pending" },
        after: { status: "paid" },
      },
    ]);
  });

  it.each([paid, rejected("return"), rejected("forfeit")])(
    "an invoice is reviewed once: after %o no review changes it",
    async (first) => {
      await review(first, A);
      const before = await fingerprint(data.database);
      for (const again of [paid, rejected("return"), rejected("forfeit")])
        expect(await review(again, A)).toEqual(new Set());
      expect(await fingerprint(data.database)).toEqual(before);
    },
  );

  it("a review of several invoices applies to the pending ones and returns their numbers", async () => {
    await review(paid, A);
    expect(await review(rejected("return"), [B, A, B, "INV-20261207-99"])).toEqual(new Set([B]));
    expect(await review(paid, [])).toEqual(new Set());
  });

  it("rejecting several invoices of a user gives back their sum", async () => {
    await data.database.sql`
      with entry as (insert into ledger_entries (user_id, kind, amount_cents, actor, created_at)
        select id, 'credit', 300_00, 'test', now() from users)
      update users set balance_cents = balance_cents + 300_00`;
    data.clock.set("2026-12-21T02:00:00Z");
    await invoicedRun(data, "2026-12-21");
    expect(await review(rejected("return"), [A, "INV-20261221-1"])).toHaveProperty("size", 2);
    expect(await stored(A)).toMatchObject({ balance: 450_00n });
  });
});

describe("simultaneous reviews of an invoice", () => {
  it.each([
    ["paid before rejected", paid, rejected("return"), { status: "paid", balance: 0n }],
    ["rejected before paid", rejected("return"), paid, { status: "rejected", balance: 150_00n }],
    ["rejected twice", rejected("return"), rejected("return"), { status: "rejected", balance: 150_00n }],
  ])("of two simultaneous reviews only the first takes effect: %s", async (_name, first, second, outcome) => {
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`select from invoices where number = ${A} for update`,
    );
    const winner = review(first, A);
    await untilBlocked(data.database, 1);
    const loser = review(second, A);
    await untilBlocked(data.database, 2);
    await holder.commit();
    expect([await winner, await loser]).toEqual([new Set([A]), new Set()]);
    expect(await stored(A)).toMatchObject(outcome);
  });
});

/** Goal: two reviews, or a review and a batch of invoices, never wait for each other's users (docs/architecture.md, "Locks"). */
describe("locks of a review", () => {
  const MORE_USERS = 40;

  it("a rejection locks the users in the order of their keys, whatever the order of their rows", async () => {
    const users = Array.from({ length: MORE_USERS }, (_, index) => ({ externalId: `more-${index}` }));
    await importNetwork(data.ctx, users);
    data.clock.set("2026-12-21T02:00:00Z");
    await invoicedRun(data, "2026-12-21");
    const numbers = users.map((_, index) => `INV-20261221-${index + 3}`);
    await storeUsersInReverse(data);
    const { sql } = data.database;
    const middle = 3 + MORE_USERS / 2;
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`select from users where id = ${middle} for update`,
    );
    const rejecting = review(rejected("return"), numbers);
    await untilBlocked(data.database);
    const free = await sql<{ id: bigint }[]>`select id from users where id > 2 for update skip locked`;
    await holder.commit();
    expect(await rejecting).toEqual(new Set(numbers));
    const ids = free.map(({ id }) => Number(id)).sort((one, other) => one - other);
    expect(ids).toEqual(Array.from({ length: MORE_USERS + 2 - middle }, (_, index) => middle + 1 + index));
  });
});

/** Stores the rows of the users in the reverse order of their keys, as updates over time store them in any order. */
async function storeUsersInReverse({ database }: TestData): Promise<void> {
  await database.sql.unsafe(`
    do $$ declare user_id bigint; begin
      for user_id in select id from users order by id desc loop
        update users set updated_at = updated_at where id = user_id;
      end loop;
    end $$`);
}
