import { advanceFanOut, completeRun, getRun, recordInvoiceReview } from "@cpa-payouts/db";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { invoicedRun, openTestData, type TestData } from "../testing/index.ts";
import { findViolations } from "./invariants.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;

/** A network with everything that is allowed: all kinds of reviews, skips, an adjustment below zero. */
beforeEach(async () => {
  data = await openTestData({
    now: NOW.toISOString(),
    users: [
      { externalId: "pending" },
      { externalId: "paid" },
      { externalId: "returned" },
      { externalId: "forfeited" },
      { externalId: "poor", balance: "1.00" },
      { externalId: "corrected", balance: "0" },
    ],
  });
  const { run } = await invoicedRun(data, "2026-12-07");
  const { db } = data.ctx;
  const review = { actor: "test", isProgram: false, now: NOW };
  const rejected = { status: "rejected", reason: "test" } as const;
  await recordInvoiceReview(db, { ...review, selection: { numbers: ["INV-20261207-2"] }, to: { status: "paid" } });
  await recordInvoiceReview(db, {
    ...review,
    selection: { numbers: ["INV-20261207-3"] },
    to: { ...rejected, disposition: "return" },
  });
  await recordInvoiceReview(db, {
    ...review,
    selection: { numbers: ["INV-20261207-4"] },
    to: { ...rejected, disposition: "forfeit" },
  });
  await advanceFanOut(db, { runId: run.id, fanOutRound: 0, cursor: 6, finished: true, now: NOW });
  await completeRun(db, await getRun(db, run.id), NOW);
  await data.database.sql`
    with entry as (insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
      values (6, 'adjustment', -500, 'charged back', 'test', now()))
    update users set balance_cents = -500 where id = 6`;
});

afterEach(async () => {
  await data.close();
});

const talliesAgain = [
  "delete from invoice_tallies",
  "insert into invoice_tallies (run_id, status, invoices, amount_cents) select run_id, status, count(*), sum(amount_cents) from invoices group by 1, 2",
  "delete from decision_tallies",
  "insert into decision_tallies (run_id, outcome, reason, users) select run_id, outcome, reason, count(*) from run_decisions group by 1, 2, 3",
];

/** Changes data while triggers and foreign keys are off, as only a superuser can, then recomputes the tallies. */
async function sabotage(...statements: string[]): Promise<void> {
  await behindTheBack(...statements, ...talliesAgain);
}

async function behindTheBack(...statements: string[]): Promise<void> {
  const sql = await data.database.sql.reserve();
  await sql`set session_replication_role = replica`;
  for (const statement of statements) await sql.unsafe(statement);
  await sql`set session_replication_role = origin`;
  sql.release();
}

async function violated(): Promise<string[]> {
  const violations = await findViolations(data.ctx.db, () => {});
  return violations.map(({ invariant, subject }) => `${invariant}: ${subject}`);
}

const dropCheck = (table: string, name: string) => `alter table ${table} drop constraint ${name}`;

describe("healthy database", () => {
  it("a healthy database violates no invariant, and every invariant is checked", async () => {
    const checked: string[] = [];
    expect(await findViolations(data.ctx.db, (invariant) => checked.push(invariant))).toEqual([]);
    expect(checked.length).toBeGreaterThanOrEqual(12);
    expect(new Set(checked).size).toBe(checked.length);
  });
});

describe("manipulated database", () => {
  it.each<[what: string, statements: string[], found: string[]]>([
    [
      "a balance changed without a ledger entry",
      ["update users set balance_cents = balance_cents + 1 where id = 1"],
      ["a balance is the sum of its ledger entries: user pending"],
    ],
    [
      "a deleted ledger entry",
      ["delete from ledger_entries where user_id = 5"],
      ["a balance is the sum of its ledger entries: user poor"],
    ],
    [
      "a credit without its audit row",
      [
        "insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, key_owner, actor, created_at) values (5, 'credit', 1, 'k', 'cli', 'x', now())",
        "update users set balance_cents = balance_cents + 1 where id = 5",
      ],
      ["every credit and every adjustment is in the audit log: user poor"],
    ],
    [
      "a balance below zero without an adjustment",
      [
        "update users set balance_cents = -1 where id = 5",
        dropCheck("ledger_entries", "ledger_entries_sign_of_kind"),
        "update ledger_entries set amount_cents = -1 where user_id = 5",
      ],
      ["only an adjustment takes a balance below zero: user poor"],
    ],
    [
      "an invoice with a changed amount",
      ["update invoices set amount_cents = 149_99 where user_id = 1"],
      ["an invoice took exactly its amount: invoice INV-20261207-1"],
    ],
    [
      "an invoice whose amount was not taken from the balance",
      [
        "delete from ledger_entries where user_id = 1 and kind = 'invoice'",
        "update users set balance_cents = 150_00 where id = 1",
      ],
      ["an invoice took exactly its amount: invoice INV-20261207-1"],
    ],
    [
      "an invoice that took another user's money",
      [
        "update ledger_entries set user_id = 5 where user_id = 1 and kind = 'invoice'",
        "update users set balance_cents = 150_00 where id = 1",
        "insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at) values (5, 'adjustment', 1, 'x', 'x', now())",
        "update users set balance_cents = 1_00 + 1 - 150_00 where id = 5",
      ],
      ["an invoice took exactly its amount: invoice INV-20261207-1"],
    ],
    [
      "a rejected invoice that should have given its amount back and did not",
      [
        "delete from ledger_entries where user_id = 3 and kind = 'invoice-reversal'",
        "update users set balance_cents = 0 where id = 3",
      ],
      ["an invoice gave its amount back if and only if its disposition is return: invoice INV-20261207-3"],
    ],
    [
      "a forfeited invoice that gave its amount back",
      ["update invoices set disposition = 'forfeit' where user_id = 3"],
      ["an invoice gave its amount back if and only if its disposition is return: invoice INV-20261207-3"],
    ],
    [
      "a paid invoice that gave its amount back",
      [
        "insert into ledger_entries (user_id, kind, amount_cents, invoice_id, actor, created_at) values (2, 'invoice-reversal', 150_00, 2, 'x', now())",
        "update users set balance_cents = 150_00 where id = 2",
      ],
      ["an invoice gave its amount back if and only if its disposition is return: invoice INV-20261207-2"],
    ],
    [
      "an invoice with another date than its run",
      ["update invoices set payment_date = '2026-12-21' where user_id = 1"],
      ["an invoice belongs to a decision to pay, of its run and date: invoice INV-20261207-1"],
    ],
    [
      "an invoice that is missing from its decision",
      ["update run_decisions set outcome = 'skipped', reason = 'inactive', invoice_id = null where user_id = 1"],
      ["an invoice belongs to a decision to pay, of its run and date: invoice INV-20261207-1"],
    ],
    [
      "an invoice of a user whom the run decided to skip",
      [
        dropCheck("run_decisions", "run_decisions_skip_is_settled"),
        "update run_decisions set decision = 'skip' where user_id = 1",
      ],
      ["an invoice belongs to a decision to pay, of its run and date: invoice INV-20261207-1"],
    ],
    [
      "an invoice above the decided amount",
      ["update run_decisions set balance_cents = 149_99 where user_id = 1"],
      ["an invoice is no more than was decided and no less than the minimum: invoice INV-20261207-1"],
    ],
    [
      "an invoice below the minimum",
      ["update payment_runs set minimum_balance_cents = 150_01"],
      [1, 2, 3, 4].map(
        (id) => `an invoice is no more than was decided and no less than the minimum: invoice INV-20261207-${id}`,
      ),
    ],
    [
      "a decision that points to another user's invoice",
      [
        "update run_decisions set outcome = 'invoiced', reason = null, invoice_id = 1, decision = 'pay' where user_id = 5",
      ],
      ["a decision's invoice is that user's invoice of that run: decision 2026-12-07 of user poor"],
    ],
    [
      "an invoice whose destination was never the user's",
      ["update invoices set destination = 'thief@example.com' where user_id = 1"],
      ["the destination of an invoice is a Binance e-mail of its user: invoice INV-20261207-1"],
    ],
    [
      "a completed run with an open decision",
      ["update run_decisions set decision = 'pay', outcome = 'open', reason = null where user_id = 5"],
      ["a completed or cancelled run has no open decision: run 2026-12-07"],
    ],
    [
      "an invoice that was not counted",
      ["update users set invoice_count = 0 where id = 1"],
      ["a user's invoice count is the number of their invoices: user pending"],
    ],
    [
      "a reference to a row that does not exist",
      [
        "delete from users where id = 5",
        "insert into ledger_entries (user_id, kind, amount_cents, invoice_id, actor, created_at) values (1, 'invoice-reversal', 1, 99, 'x', now())",
        "update users set balance_cents = balance_cents + 1 where id = 1",
        "insert into run_decisions (run_id, user_id, decision, reason, balance_cents, outcome) values (99, 1, 'skip', 'inactive', 1, 'skipped')",
      ],
      [
        "every reference leads to a row: decision of run 1 for user 5",
        "every reference leads to a row: decision of run 99 for user 1",
        "every reference leads to a row: ledger entry 12",
        "every reference leads to a row: ledger entry 5",
      ],
    ],
    [
      "a deleted invoice",
      [
        "delete from invoices where user_id = 1",
        "delete from ledger_entries where user_id = 1 and kind = 'invoice'",
        "update users set balance_cents = 150_00, invoice_count = 0 where id = 1",
      ],
      ["a decision's invoice is that user's invoice of that run: decision 2026-12-07 of user pending"],
    ],
    [
      "an invoice without an audit row of its creation",
      ["delete from audit_log where action = 'invoice.create' and object = 'invoice:INV-20261207-1'"],
      ["the creation and the review of an invoice are in the audit log: invoice INV-20261207-1"],
    ],
    [
      "a review without its audit row",
      ["delete from audit_log where action = 'invoice.pay'"],
      ["the creation and the review of an invoice are in the audit log: invoice INV-20261207-2"],
    ],
  ])("verify finds %s", async (_what, statements, found) => {
    await sabotage(...statements);
    expect(await violated()).toEqual(found);
  });

  it("verify finds a changed tally", async () => {
    await behindTheBack(
      "update invoice_tallies set invoices = invoices + 1 where status = 'paid' and invoices > 0",
      "insert into decision_tallies (run_id, outcome, users) values (1, 'open', 1)",
    );
    expect(await violated()).toEqual([
      "the tallies of invoices match the invoices: invoices of run 1, paid",
      "the tallies of decisions match the decisions: decisions of run 1, open",
    ]);
  });

  it("an offender is reported with what is wrong, in words", async () => {
    await sabotage("update users set balance_cents = balance_cents + 1 where id = 1");
    expect(await findViolations(data.ctx.db, () => {})).toEqual([
      {
        invariant: "a balance is the sum of its ledger entries",
        subject: "user pending",
        detail: "the balance is 1 cents, the ledger says 0",
      },
    ]);
  });

  it("verify reports every violation of a database with several", async () => {
    await sabotage(
      "update users set balance_cents = balance_cents + 1",
      "update users set invoice_count = 9 where id = 6",
    );
    expect(await violated()).toHaveLength(7);
  });
});
