import {
  type CreatedInvoice,
  createInvoices,
  creditUser,
  findOutcomes,
  recordFailure,
  recordMethodReview,
} from "@cpa-payouts/db";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findViolations } from "../reads/invariants.ts";
import { decidedRun, fingerprint, importNetwork, openTestData, type TestData, userIds } from "../testing/index.ts";

const DATE = "2026-12-07";
const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

beforeEach(async () => {
  data = await openTestData({ now: NOW.toISOString() });
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

/** Imports users and decides a run; `create` creates the invoices of some of them, by external id. */
async function openDecided(...users: Parameters<typeof importNetwork>[1]) {
  await importNetwork(data.ctx, users);
  const run = await decidedRun(data.ctx, DATE);
  const ids = await userIds(data.database);
  const create = async (...names: string[]): Promise<CreatedInvoice[]> =>
    createInvoices(data.ctx.db, { runId: run.id, userIds: names.map((name) => ids[name] ?? 0), now: NOW });
  return { run, ids, create };
}

async function balanceOf(externalId: string): Promise<bigint | undefined> {
  const [row] = await data.database.sql<{ balance_cents: bigint }[]>`
    select balance_cents from users where external_id = ${externalId}`;
  return row?.balance_cents;
}

const credit = (externalId: string, amountCents: bigint, key: string) =>
  creditUser(data.ctx.db, { externalId, amountCents, key, keyOwner: "cli", note: null, actor: "test", now: NOW });

/** Makes an adjustment: besides an invoice the only change that may lower a balance. */
async function adjust(externalId: string, cents: bigint): Promise<void> {
  await data.database.sql`
    with entry as (
      insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
      select id, 'adjustment', ${cents.toString()}::bigint, 'fraud', 'test', now() from users where external_id = ${externalId}
    ) update users set balance_cents = balance_cents + ${cents.toString()}::bigint where external_id = ${externalId}`;
}

describe("creation of an invoice", () => {
  it("an invoice takes exactly the balance, with its ledger entry, decision and audit row", async () => {
    const { run, ids, create } = await openDecided({
      externalId: "a",
      balance: "123.45",
      binanceEmail: "A@pay.example.com",
    });
    expect(await create("a")).toEqual([
      { userId: ids.a, outcome: "invoiced", number: `INV-20261207-${ids.a}`, amountCents: 123_45n },
    ]);
    expect(await balanceOf("a")).toBe(0n);
    const { sql } = data.database;
    const invoices = await sql`select number, run_id, payment_date::text, amount_cents, currency, destination, status,
      created_at from invoices`;
    expect([...invoices]).toEqual([
      {
        number: `INV-20261207-${ids.a}`,
        run_id: BigInt(run.id),
        payment_date: DATE,
        amount_cents: 123_45n,
        currency: "USD",
        destination: "A@pay.example.com",
        status: "pending",
        created_at: NOW,
      },
    ]);
    const entries = await sql`select kind, amount_cents, actor from ledger_entries order by id`;
    expect([...entries].at(-1)).toEqual({ kind: "invoice", amount_cents: -123_45n, actor: "system" });
    const [audit] = await sql`select actor, after from audit_log where action = 'invoice.create'`;
    expect(audit).toMatchObject({ actor: "system", after: { amountCents: "12345", destination: "A@pay.example.com" } });
    const [user] = await sql`select invoice_count from users`;
    expect(user).toEqual({ invoice_count: 1 });
  });

  it("creating invoices a second time does nothing and returns no outcome", async () => {
    const { create } = await openDecided({ externalId: "a" }, { externalId: "b" });
    expect(await create("a", "b")).toHaveLength(2);
    const before = await fingerprint(data.database);
    expect(await create("a", "b")).toEqual([]);
    expect(await create("a")).toEqual([]);
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a user named several times in a batch gets one invoice", async () => {
    const { create } = await openDecided({ externalId: "a" });
    expect(await create("a", "a", "a")).toHaveLength(1);
  });

  it("a user whom the run decided to skip is not paid, even after a credit", async () => {
    const { run, ids, create } = await openDecided({ externalId: "poor", balance: "99.99" }, { externalId: "a" });
    await credit("poor", 1_000_00n, "k");
    expect(await create("poor")).toEqual([]);
    expect(await balanceOf("poor")).toBe(1_099_99n);
    expect(await findOutcomes(data.ctx.db, run.id, [ids.poor ?? 0])).toEqual([
      { userId: ids.poor, outcome: "skipped", reason: "below-minimum" },
    ]);
  });

  it("no invoice is created for a user whom the run did not consider, or for an unknown run", async () => {
    const { ids, create } = await openDecided({ externalId: "a" });
    await importNetwork(data.ctx, [{ externalId: "late" }]);
    const late = (await userIds(data.database)).late ?? 0;
    const { runId } = { runId: 999 };
    expect(await create("late", "unknown")).toEqual([]);
    expect(await createInvoices(data.ctx.db, { runId, userIds: [ids.a ?? 0], now: NOW })).toEqual([]);
    expect(await createInvoices(data.ctx.db, { runId: 1, userIds: [late, -1, 0], now: NOW })).toEqual([]);
    expect(await createInvoices(data.ctx.db, { runId: 1, userIds: [], now: NOW })).toEqual([]);
    expect(await balanceOf("late")).toBe(150_00n);
  });

  it("a user of a batch who is skipped does not keep the others from being invoiced", async () => {
    const { create } = await openDecided({ externalId: "a" }, { externalId: "b" }, { externalId: "c" });
    await data.database.sql`update users set status = 'closed' where external_id = 'b'`;
    const outcomes = await create("c", "b", "a");
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(["invoiced", "skipped", "invoiced"]);
  });
});

describe("changes between the decision and the invoice", () => {
  const skipped = (reason: string) => [expect.objectContaining({ outcome: "skipped", reason })];

  it.each(["suspended", "closed"])("a user who was %s after the decision is skipped", async (status) => {
    const { create } = await openDecided({ externalId: "a" });
    await importNetwork(data.ctx, [{ externalId: "a", status: status as "suspended" }]);
    expect(await create("a")).toEqual(skipped("inactive"));
    expect(await balanceOf("a")).toBe(150_00n);
  });

  it("a balance that dropped below the minimum after the decision is not paid", async () => {
    const { create } = await openDecided({ externalId: "a", balance: "150.00" });
    await adjust("a", -50_01n);
    expect(await create("a")).toEqual(skipped("below-minimum"));
    expect(await balanceOf("a")).toBe(99_99n);
  });

  it("a balance that dropped to the minimum after the decision is paid, but no more than it is", async () => {
    const { create } = await openDecided({ externalId: "a", balance: "150.00" });
    await adjust("a", -50_00n);
    expect(await create("a")).toEqual([expect.objectContaining({ outcome: "invoiced", amountCents: 100_00n })]);
    expect(await balanceOf("a")).toBe(0n);
  });

  it("a balance that dropped below zero after the decision is not paid", async () => {
    const { create } = await openDecided({ externalId: "a", balance: "150.00" });
    await adjust("a", -151_00n);
    expect(await create("a")).toEqual(skipped("below-minimum"));
    expect(await balanceOf("a")).toBe(-1_00n);
  });

  it("no invoice is created for a destination whose approval was withdrawn after the decision", async () => {
    const { create } = await openDecided({ externalId: "a" });
    await recordMethodReview(data.ctx.db, {
      externalId: "a",
      to: { status: "rejected", reason: "bounced" },
      actor: "test",
      now: NOW,
    });
    expect(await create("a")).toEqual(skipped("no-approved-method"));
  });

  it("a Binance e-mail changed after the decision becomes a destination only once it is approved", async () => {
    const { create } = await openDecided({ externalId: "a" }, { externalId: "b" });
    await importNetwork(data.ctx, [
      { externalId: "a", binanceEmail: "new-a@pay.example.com" },
      { externalId: "b", binanceEmail: "new-b@pay.example.com" },
    ]);
    await recordMethodReview(data.ctx.db, { externalId: "b", to: { status: "approved" }, actor: "test", now: NOW });
    expect(await create("a")).toEqual(skipped("no-approved-method"));
    expect(await create("b")).toEqual([expect.objectContaining({ outcome: "invoiced" })]);
    const [invoice] = await data.database.sql`select destination from invoices`;
    expect(invoice).toEqual({ destination: "new-b@pay.example.com" });
  });

  it("a credit after the decision stays on the balance for the next date", async () => {
    const { create } = await openDecided({ externalId: "a", balance: "150.00" });
    await credit("a", 77_77n, "k");
    expect(await create("a")).toEqual([expect.objectContaining({ amountCents: 150_00n })]);
    expect(await balanceOf("a")).toBe(77_77n);
  });

  it("a user with several reasons to be skipped gets the first one in the documented order", async () => {
    const { create } = await openDecided({ externalId: "a" }, { externalId: "b" });
    await data.database.sql`update users set status = 'closed' where external_id = 'a'`;
    await adjust("a", -100_00n);
    await adjust("b", -100_00n);
    await data.database.sql`update payment_methods set status = 'replaced'`;
    expect(await create("a")).toEqual(skipped("inactive"));
    expect(await create("b")).toEqual(skipped("below-minimum"));
  });

  it("a user skipped after the decision is recorded with the decision and in the audit log", async () => {
    const { run, ids, create } = await openDecided({ externalId: "a" });
    await data.database.sql`update users set status = 'closed'`;
    await create("a");
    expect(await findOutcomes(data.ctx.db, run.id, [ids.a ?? 0])).toEqual([
      { userId: ids.a, outcome: "skipped", reason: "inactive" },
    ]);
    const audit = await data.database.sql`select object, reason from audit_log where action = 'decision.skip'`;
    expect([...audit]).toEqual([{ object: `user:${ids.a}`, reason: "inactive" }]);
  });
});

describe("decision whose job gave up", () => {
  const failure = (runId: number, userId: number) => ({ runId, userId, error: "no luck", now: NOW });

  it("a failed decision may still be invoiced by a late job, and then loses its error", async () => {
    const { run, ids, create } = await openDecided({ externalId: "a" });
    expect(await recordFailure(data.ctx.db, failure(run.id, ids.a ?? 0))).toBe(true);
    expect(await create("a")).toEqual([expect.objectContaining({ outcome: "invoiced" })]);
    const [decision] = await data.database.sql`select outcome, error from run_decisions`;
    expect(decision).toEqual({ outcome: "invoiced", error: null });
  });
});

describe("first-time user at mid-month", () => {
  it("a user whose earlier invoices were corrected to none after the decision waits as a first-time user", async () => {
    await importNetwork(data.ctx, [{ externalId: "a", previousInvoices: 3 }]);
    const run = await decidedRun(data.ctx, "2026-12-21");
    await importNetwork(data.ctx, [{ externalId: "a", previousInvoices: 0 }]);
    const userId = (await userIds(data.database)).a ?? 0;
    expect(await createInvoices(data.ctx.db, { runId: run.id, userIds: [userId], now: NOW })).toEqual([
      { userId, outcome: "skipped", reason: "first-time-waits" },
    ]);
  });
});
