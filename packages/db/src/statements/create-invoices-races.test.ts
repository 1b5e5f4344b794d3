import type { PaymentRun } from "@cpa-payouts/db";
import { createInvoices, creditUser, recordFailure, recordInvoiceReview, recordMethodReview } from "@cpa-payouts/db";
import { holdTransaction, killBlocked, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, type DbConnection } from "../client.ts";
import { findViolations } from "../reads/invariants.ts";
import { decidedRun, openTestData, type TestData, userIds } from "../testing/index.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;
let run: PaymentRun;
let ids: number[];
/** A pool of many connections, so that statements run at the same time. */
let many: DbConnection;

async function open(users: number): Promise<void> {
  const names = Array.from({ length: users }, (_, index) => ({
    externalId: `u${index}`,
    balance: `${100 + index}.00`,
  }));
  data = await openTestData({ now: NOW.toISOString(), users: names });
  run = await decidedRun(data.ctx, "2026-12-07");
  ids = Object.values(await userIds(data.database));
  many = connect({ url: data.database.url, max: 16, applicationName: "test" });
}

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await many.close();
  await data.close();
});

const create = (userIds: readonly number[]) => createInvoices(many.db, { runId: run.id, userIds, now: NOW });

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

async function count(query: string): Promise<number> {
  const [row] = await data.database.sql.unsafe<{ count: number }[]>(`select count(*)::int as count from ${query}`);
  return row?.count ?? -1;
}

describe("duplicate delivery", () => {
  beforeEach(() => open(300));

  it("overlapping batches delivered at once, in any order, create one invoice per user", async () => {
    const batches = Array.from({ length: 60 }, () => shuffled(ids).slice(0, 1 + Math.floor(Math.random() * 60)));
    const outcomes = await Promise.all([...batches, ids].map((batch) => create(batch)));
    expect(outcomes.flat().filter(({ outcome }) => outcome === "invoiced")).toHaveLength(300);
    expect(new Set(outcomes.flat().map(({ userId }) => userId)).size).toBe(300);
    expect(await count("invoices")).toBe(300);
    expect(await count("ledger_entries where kind = 'invoice'")).toBe(300);
    expect(await count("users where balance_cents <> 0")).toBe(0);
  });

  it("duplicate deliveries during credits, failures and bulk reviews lose no cent and do not deadlock", async () => {
    const deliveries = Array.from({ length: 40 }, () => create(shuffled(ids).slice(0, 40)));
    const credits = shuffled([...ids.keys(), ...ids.keys()]).map((user, index) =>
      creditUser(many.db, {
        externalId: `u${user}`,
        amountCents: BigInt(index + 1),
        key: `k${index}`,
        keyOwner: "cli",
        note: null,
        actor: "test",
        now: NOW,
      }),
    );
    const failures = shuffled(ids)
      .slice(0, 50)
      .map((userId) => recordFailure(many.db, { runId: run.id, userId, error: "test", now: NOW }));
    const reviews = Array.from({ length: 30 }, (_, index) =>
      recordInvoiceReview(many.db, {
        selection: { numbers: shuffled(ids.map((id) => `INV-20261207-${id}`)) },
        isProgram: false,
        to: index % 2 ? { status: "paid" } : { status: "rejected", reason: "test", disposition: "return" },
        actor: "test",
        now: NOW,
      }),
    );
    await Promise.all([...deliveries, ...credits, ...failures, ...reviews]);
    await create(ids);
    expect(await count("invoices")).toBe(300);
    const [money] = await data.database.sql<{ owed: bigint; paid: bigint }[]>`
      select (select sum(balance_cents)::bigint from users) as owed,
        (select coalesce(sum(amount_cents), 0)::bigint from invoices where status <> 'rejected') as paid`;
    // Opening balances of 100.00 to 399.00, and credits of 1 to 600 cents.
    const opening = BigInt((300 * (100 + 399)) / 2) * 100n;
    expect((money?.owed ?? 0n) + (money?.paid ?? 0n)).toBe(opening + (600n * 601n) / 2n);
  });
});

describe("locks of a batch", () => {
  beforeEach(() => open(40));

  it("a batch locks its users in the order of their keys, so that overlapping batches cannot deadlock", async () => {
    const holder = await holdTransaction(data.database, (sql) => sql`select from users where id = 20 for update`);
    const creating = create(shuffled(ids));
    await untilBlocked(data.database);
    const free = await data.database.sql<{ id: number }[]>`select id from users order by id for update skip locked`;
    await holder.commit();
    expect(free.map(({ id }) => Number(id))).toEqual(Array.from({ length: 20 }, (_, index) => 21 + index));
    expect(await creating).toHaveLength(40);
  });
});

describe("invoice that waits for the user's row", () => {
  beforeEach(() => open(1));

  /** Starts the invoice while another transaction holds the user, runs `work` in that transaction, returns the outcome. */
  async function behind(work: (userId: number) => string) {
    const [userId = 0] = ids;
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`select from users where id = ${userId} for update`,
    );
    const outcome = create([userId]);
    await untilBlocked(data.database);
    await holder.sql.unsafe(work(userId));
    await holder.commit();
    return (await outcome)[0];
  }

  it("an invoice that waited sees that the user was suspended meanwhile", async () => {
    const outcome = await behind(() => "update users set status = 'suspended'");
    expect(outcome).toMatchObject({ outcome: "skipped", reason: "inactive" });
  });

  it("an invoice that waited sees that the balance dropped below the minimum meanwhile", async () => {
    const outcome = await behind(
      (id) => `insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
        values (${id}, 'adjustment', -1, 'test', 'test', now());
        update users set balance_cents = balance_cents - 1`,
    );
    expect(outcome).toMatchObject({ outcome: "skipped", reason: "below-minimum" });
  });

  it("an invoice that waited sees that the approval was withdrawn meanwhile", async () => {
    const outcome = await behind(() => "update payment_methods set status = 'rejected', reason = 'test'");
    expect(outcome).toMatchObject({ outcome: "skipped", reason: "no-approved-method" });
  });

  it("an invoice that waited sees that another delivery settled the decision meanwhile", async () => {
    const outcome = await behind(
      () => "update run_decisions set outcome = 'skipped', reason = 'inactive', settled_at = now()",
    );
    expect(outcome).toBeUndefined();
  });

  it("an invoice that waited leaves a credit that arrived meanwhile on the balance", async () => {
    const outcome = await behind(
      (id) => `insert into ledger_entries (user_id, kind, amount_cents, actor, created_at)
        values (${id}, 'credit', 1234, 'test', now());
        update users set balance_cents = balance_cents + 1234`,
    );
    expect(outcome).toMatchObject({ outcome: "invoiced", amountCents: 100_00n });
    expect(await count("users where balance_cents = 1234")).toBe(1);
  });
});

describe("approval that is withdrawn during an invoice", () => {
  beforeEach(() => open(1));

  it("the withdrawal of an approval waits for an invoice that has read the approval", async () => {
    const [userId = 0] = ids;
    const holder = await holdTransaction(data.database, (sql) => sql`select from run_decisions for update`);
    const invoice = create([userId]);
    await untilBlocked(data.database, 1);
    const review = recordMethodReview(many.db, {
      externalId: "u0",
      to: { status: "rejected", reason: "test" },
      actor: "test",
      now: NOW,
    });
    await untilBlocked(data.database, 2);
    await holder.commit();
    expect(await invoice).toMatchObject([{ outcome: "invoiced" }]);
    expect(await review).toEqual({ binanceEmail: "u0@pay.example.com" });
  });
});

describe("connection that is killed during an invoice", () => {
  beforeEach(() => open(20));

  it("a batch whose connection is killed leaves nothing behind, and the next delivery creates its invoices", async () => {
    const [last = 0] = ids.slice(-1);
    const holder = await holdTransaction(data.database, (sql) => sql`select from users where id = ${last} for update`);
    const doomed = create(ids).then(
      () => "done",
      () => "killed",
    );
    await untilBlocked(data.database);
    await killBlocked(data.database);
    expect(await doomed).toBe("killed");
    await holder.rollback();
    expect(await count("invoices")).toBe(0);
    expect(await count("users where balance_cents = 0")).toBe(0);
    expect(await create(ids)).toHaveLength(20);
  });
});
