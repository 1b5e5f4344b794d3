import { holdTransaction, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../client.ts";
import { findViolations } from "../reads/invariants.ts";
import { decidedRun, fingerprint, invoicedRun, openTestData, type TestData } from "../testing/index.ts";
import { creditUser } from "./credit-user.ts";
import { discardImport } from "./discard-import.ts";
import { dropRowsAboveLimit } from "./drop-rows-above-limit.ts";
import { type ImportCounts, mergeImport } from "./merge-import.ts";
import { recordMethodReview } from "./record-method-review.ts";
import { type ImportRow, stageImportRows } from "./stage-import-rows.ts";
import { updateSettings } from "./update-settings.ts";

const NOW = new Date("2026-12-01T00:00:00Z");
const JOINED = new Date("2025-01-31T00:00:00Z");

let data: TestData;
let imports: number;

beforeEach(async () => {
  data = await openTestData({ now: NOW.toISOString() });
  imports = 0;
});

afterEach(async () => {
  expect(await findViolations(data.ctx.db, () => {})).toEqual([]);
  await data.close();
});

const ALICE = {
  externalId: "a",
  email: "alice@example.com",
  name: "Alice",
  status: "active",
  balanceCents: 150_00n,
  binanceEmail: "alice@pay.example.com",
  paymentMethodStatus: "approved",
  previousInvoices: 2,
  joinedAt: JOINED,
} as const satisfies Omit<ImportRow, "line">;

type Changes = Partial<Omit<ImportRow, "line">>;

/** Imports rows that differ from Alice's by the given changes. */
async function load(...rows: readonly Changes[]): Promise<ImportCounts> {
  imports += 1;
  const importId = `00000000-0000-4000-8000-${imports.toString().padStart(12, "0")}`;
  const staged = rows.map((changes, index) => ({ ...ALICE, ...changes, line: index + 2 }));
  await stageImportRows(data.ctx.db, importId, staged, NOW);
  try {
    const outcome = await mergeImport(data.ctx.db, {
      importId,
      actor: "test",
      overrideStatus: false,
      now: data.clock(),
    });
    if (outcome.status !== "merged") throw new Error(`nothing was imported: ${outcome.status}`);
    const { status: _status, ...counts } = outcome;
    return counts;
  } finally {
    await discardImport(data.ctx.db, importId);
  }
}

const counts = (changes: Partial<ImportCounts>): ImportCounts => ({
  created: 0,
  updated: 0,
  unchanged: 0,
  differingBalances: 0,
  changedAddresses: 0,
  keptStatuses: 0,
  overriddenStatuses: 0,
  ...changes,
});

async function methods(): Promise<string[]> {
  const rows = await data.database.sql<{ method: string }[]>`
    select binance_email || ' ' || status as method from payment_methods order by id`;
  return rows.map(({ method }) => method);
}

const query = async (statement: string) => [...(await data.database.sql.unsafe(statement))];

describe("new user in an import", () => {
  it("a new user gets the opening balance as one ledger entry, and the method with the status of the file", async () => {
    expect(await load({})).toEqual(counts({ created: 1 }));
    expect(await query("select * from users")).toEqual([
      {
        id: 1n,
        external_id: "a",
        email: "alice@example.com",
        name: "Alice",
        status: "active",
        status_by_hand: false,
        balance_cents: 150_00n,
        previous_invoices: 2,
        invoice_count: 0,
        joined_at: JOINED,
        updated_at: NOW,
      },
    ]);
    expect(await query("select kind, amount_cents, note, actor from ledger_entries")).toEqual([
      { kind: "credit", amount_cents: 150_00n, note: "opening balance", actor: "test" },
    ]);
    expect(await methods()).toEqual(["alice@pay.example.com approved"]);
    expect(await query("select action, object from audit_log order by id")).toEqual([
      { action: "user.create", object: "user:1" },
      { action: "method.add", object: "user:1" },
    ]);
  });

  it("a new user without optional columns gets defaults, and without a balance no ledger entry", async () => {
    const empty = { name: null, binanceEmail: null, paymentMethodStatus: null, previousInvoices: null, joinedAt: null };
    await load({ ...empty, balanceCents: 0n });
    expect(await query("select name, balance_cents, previous_invoices, joined_at from users")).toEqual([
      { name: "", balance_cents: 0n, previous_invoices: 0, joined_at: NOW },
    ]);
    expect(await query("select * from ledger_entries")).toEqual([]);
    expect(await methods()).toEqual([]);
  });

  it.each([
    [null, "pending"],
    ["pending", "pending"],
    ["rejected", "rejected"],
    ["approved", "approved"],
  ] as const)("a new method with status %s in the file is stored as %s", async (paymentMethodStatus, status) => {
    await load({ paymentMethodStatus });
    expect(await methods()).toEqual([`alice@pay.example.com ${status}`]);
  });
});

describe("existing user in an import", () => {
  beforeEach(async () => {
    await load({});
    data.clock.set("2026-12-02T00:00:00Z");
  });

  it("a user who is the same in the file is not changed in any column", async () => {
    const before = await fingerprint(data.database);
    expect(await load({})).toEqual(counts({ unchanged: 1 }));
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("an empty optional column keeps the stored value", async () => {
    const before = await fingerprint(data.database);
    const empty = { name: null, binanceEmail: null, paymentMethodStatus: null, previousInvoices: null, joinedAt: null };
    expect(await load(empty)).toEqual(counts({ unchanged: 1 }));
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a changed user is updated, with the values before and after in the audit log", async () => {
    const changes = { email: "new@example.com", name: "Al", status: "closed", previousInvoices: 7 } as const;
    expect(await load(changes)).toEqual(counts({ updated: 1 }));
    expect(await query("select email, name, status, previous_invoices, balance_cents from users")).toEqual([
      { email: "new@example.com", name: "Al", status: "closed", previous_invoices: 7, balance_cents: 150_00n },
    ]);
    expect(
      await query(
        `select before->>'email' as before, after->>'email' as after from audit_log where action = 'user.update'`,
      ),
    ).toEqual([{ before: "alice@example.com", after: "new@example.com" }]);
  });

  it("a balance in the file that differs from the stored one is counted and not applied", async () => {
    const before = await fingerprint(data.database);
    expect(await load({ balanceCents: 999_00n })).toEqual(counts({ unchanged: 1, differingBalances: 1 }));
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a changed Binance e-mail is pending even if the file says approved, and replaces the one in use", async () => {
    expect(await load({ binanceEmail: "other@pay.example.com", paymentMethodStatus: "approved" })).toEqual(
      counts({ updated: 1, changedAddresses: 1 }),
    );
    expect(await methods()).toEqual(["alice@pay.example.com replaced", "other@pay.example.com pending"]);
    expect(await query("select before, after from audit_log order by id desc limit 1")).toEqual([
      {
        before: { binanceEmail: "alice@pay.example.com" },
        after: { binanceEmail: "other@pay.example.com", status: "pending" },
      },
    ]);
  });

  it("of two changes of the Binance e-mail the last one is pending", async () => {
    await load({ binanceEmail: "b@pay.example.com" });
    await load({ binanceEmail: "c@pay.example.com" });
    expect(await methods()).toEqual([
      "alice@pay.example.com replaced",
      "b@pay.example.com replaced",
      "c@pay.example.com pending",
    ]);
  });

  it("a return to the earlier Binance e-mail needs a new approval", async () => {
    await load({ binanceEmail: "b@pay.example.com" });
    await load({});
    expect((await methods()).at(-1)).toBe("alice@pay.example.com pending");
  });

  it("a Binance e-mail in another case is not a change", async () => {
    const before = await fingerprint(data.database);
    expect(await load({ binanceEmail: "Alice@PAY.example.com" })).toEqual(counts({ unchanged: 1 }));
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a Binance e-mail that was rejected here stays rejected even if the file says approved", async () => {
    const to = { status: "rejected", reason: "bounced" } as const;
    await recordMethodReview(data.ctx.db, { externalId: "a", to, actor: "test", now: NOW });
    const before = await fingerprint(data.database);
    expect(await load({ paymentMethodStatus: "approved" })).toEqual(counts({ unchanged: 1 }));
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("existing invoices keep their destination when a file changes the Binance e-mail", async () => {
    await invoicedRun(data, "2026-12-07");
    await load({ binanceEmail: "other@pay.example.com" });
    expect(await query("select destination from invoices")).toEqual([{ destination: "alice@pay.example.com" }]);
  });

  it("the first Binance e-mail of an existing user gets the status of the file", async () => {
    await load({ externalId: "b", binanceEmail: null, paymentMethodStatus: null });
    expect(await load({ externalId: "b", binanceEmail: "b@pay.example.com" })).toEqual(counts({ updated: 1 }));
    expect((await methods()).at(-1)).toBe("b@pay.example.com approved");
  });
});

describe("import file", () => {
  const users = (count: number, changes: Changes = {}) =>
    Array.from({ length: count }, (_, index) => ({
      externalId: `u${index}`,
      binanceEmail: `u${index}@pay.example.com`,
      ...changes,
    }));

  it("a file imported again changes nothing, even after its users were paid", async () => {
    await load(...users(500));
    await invoicedRun(data, "2026-12-07");
    data.clock.set("2026-12-08T00:00:00Z");
    const before = await fingerprint(data.database);
    expect(await load(...users(500))).toEqual(counts({ unchanged: 500, differingBalances: 500 }));
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a file may change many Binance e-mails at once, however PostgreSQL plans the statement", async () => {
    await load(...users(500));
    const changed = users(500).map((user) => ({ ...user, binanceEmail: `new-${user.binanceEmail}` }));
    expect(await load(...changed)).toMatchObject({ updated: 500, changedAddresses: 500 });
    expect((await methods()).filter((method) => method.endsWith("pending"))).toHaveLength(500);
  });

  it("a file that names a user twice is refused by the table, and nothing of it is written", async () => {
    const before = await fingerprint(data.database);
    await expect(load({ externalId: "x" }, { externalId: "y" }, { externalId: "x" })).rejects.toThrow();
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("a file imported while credits arrive loses none of them", async () => {
    await load(...users(100));
    const many = connect({ url: data.database.url, max: 8 });
    const credits = Array.from({ length: 400 }, (_, index) =>
      creditUser(many.db, {
        externalId: `u${(index * 37) % 100}`,
        amountCents: 1n,
        key: `k${index}`,
        keyOwner: "cli",
        note: null,
        actor: "test",
        now: NOW,
      }),
    );
    await Promise.all([...credits, load(...users(100, { status: "suspended" })), load(...users(100, { name: "B" }))]);
    await many.close();
    expect(await query("select distinct balance_cents from users")).toEqual([{ balance_cents: 150_04n }]);
  });

  it("a file that waits for a credit is compared with the balance after it", async () => {
    await load({});
    const holder = await holdTransaction(data.database, async (sql) => {
      await sql`insert into ledger_entries (user_id, kind, amount_cents, actor, created_at)
        values (1, 'credit', 5000, 'test', now())`;
      await sql`update users set balance_cents = balance_cents + 5000`;
    });
    const merged = load({ balanceCents: 200_00n });
    await untilBlocked(data.database);
    await holder.commit();
    expect(await merged).toEqual(counts({ unchanged: 1 }));
  });

  it("a file imported while invoices are created leads to no invoice with an unapproved destination", async () => {
    await load(...users(200));
    await decidedRun(data.ctx, "2026-12-07");
    const changed = users(200).map((user) => ({ ...user, binanceEmail: `new-${user.binanceEmail}` }));
    await Promise.all([invoicedRun(data, "2026-12-07"), load(...changed)]);
    const [row] = await query("select count(*)::int as count from invoices where destination like 'new-%'");
    expect(row).toEqual({ count: 0 });
  });

  it("a file with an opening balance above a limit is not merged, neither its other rows", async () => {
    await load({ balanceCents: 500_00n });
    await updateSettings(data.ctx.db, { actor: "test", largestEntryCents: 100_00n, now: NOW });
    const importId = "00000000-0000-4000-8000-00000000ffff";
    const rows = [
      { ...ALICE, line: 2, email: "alice@example.net", balanceCents: 500_00n },
      { ...ALICE, line: 3, externalId: "b", balanceCents: 100_00n },
      { ...ALICE, line: 4, externalId: "c", balanceCents: 100_01n },
    ];
    const before = await fingerprint(data.database);
    await stageImportRows(data.ctx.db, importId, rows, NOW);
    const merge = () => mergeImport(data.ctx.db, { importId, actor: "test", overrideStatus: false, now: NOW });
    expect(await merge()).toEqual({ status: "above-limit" });
    expect(await fingerprint(data.database)).toEqual(before);
    await dropRowsAboveLimit(data.ctx.db, importId);
    expect(await merge()).toMatchObject({ status: "merged", created: 1, updated: 1, differingBalances: 0 });
    await discardImport(data.ctx.db, importId);
  });
});
