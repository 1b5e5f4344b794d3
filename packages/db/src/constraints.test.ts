import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { databaseErrorOf, isDataError } from "./errors.ts";
import { insertAdmin } from "./statements/insert-admin.ts";
import { invoicedRun, openTestData, type TestData } from "./testing/index.ts";

/** Goal: statements other than the product's (from psql, a script, a bug) cannot break the rules of the tables. */
let data: TestData;

beforeAll(async () => {
  data = await openTestData({ users: [{ externalId: "a" }, { externalId: "b" }, { externalId: "c", method: null }] });
  await invoicedRun(data, "2026-12-07");
});

afterAll(async () => {
  await data.close();
});

/** The name of the constraint that refuses a statement, or the error's message if it names no constraint. */
async function refusalOf(statement: string): Promise<string> {
  try {
    await data.database.sql.unsafe(statement);
  } catch (error) {
    expect(isDataError(error)).toBe(true);
    const refused = databaseErrorOf(error);
    return refused?.constraint_name ?? refused?.message ?? "";
  }
  return "it was accepted";
}

/** Defines a test for each pair of a statement and the constraint that refuses it. */
function stand(cases: readonly (readonly [statement: string, constraint: string])[]): void {
  const oneLine = (statement: string) => statement.replace(/\s+/g, " ");
  it.each(cases.map(([statement, constraint]) => [constraint, oneLine(statement)] as const))(
    "the constraint %s refuses: %s",
    async (constraint, statement) => {
      expect(await refusalOf(statement)).toBe(constraint);
    },
  );
}

const user = (values: string) =>
  `insert into users (external_id, email, status, previous_invoices, invoice_count, joined_at, updated_at)
   values (${values}, now(), now())`;
const method = (values: string) =>
  `insert into payment_methods (user_id, binance_email, status, reason, created_at) values (${values}, now())`;
const run = (values: string) =>
  `insert into payment_runs (payment_date, kind, trigger, state, minimum_balance_cents, completed_at, policy, opened_by, opened_at)
   values (${values}, '{}', 'test', now())`;
const decision = (values: string) =>
  `insert into run_decisions (run_id, user_id, decision, reason, balance_cents, outcome, invoice_id, error) values (${values})`;
const invoice = (values: string) =>
  `insert into invoices (number, user_id, run_id, payment_date, amount_cents, currency, status, reviewed_by, reason, disposition, destination, created_at)
   values (${values}, 'x@example.com', now())`;
const entry = (values: string) =>
  `insert into ledger_entries (user_id, kind, amount_cents, invoice_id, note, idempotency_key, actor, created_at)
   values (${values}, 'test', now())`;

describe("users", () => {
  stand([
    [user("'a', 'x', 'active', 0, 0"), "users_external_id"],
    [user("'', 'x', 'active', 0, 0"), "users_external_id_given"],
    [user("'z', 'x', 'sleeping', 0, 0"), "users_status_known"],
    [user("'z', 'x', 'active', -1, 0"), "users_previous_invoices_not_negative"],
    [user("'z', 'x', 'active', 0, -1"), "users_invoice_count_not_negative"],
    ["delete from users where external_id = 'c'", "users_kept"],
    ["update users set id = default where external_id = 'c'", "users_kept"],
    ["truncate users cascade", "users_kept"],
  ]);
});

describe("payment methods", () => {
  stand([
    [method("1, 'other@example.com', 'pending', null"), "payment_methods_one_current"],
    [method("1, 'other@example.com', 'approved', null"), "payment_methods_one_current"],
    [method("3, 'c@example.com', 'lost', null"), "payment_methods_status_known"],
    [method("3, '', 'pending', null"), "payment_methods_email_given"],
    [method("3, 'c@example.com', 'rejected', ''"), "payment_methods_rejection_has_reason"],
    [method("3, 'c@example.com', 'rejected', null"), "payment_methods_rejection_has_reason"],
    [method("99, 'c@example.com', 'pending', null"), "payment_methods_user_id_users_id_fk"],
  ]);
});

describe("payment runs", () => {
  stand([
    [run("'2026-12-07', 'first-monday', 'manual', 'deciding', 1, null"), "payment_runs_one_per_date"],
    [run("'2026-12-21', 'weekly', 'manual', 'deciding', 1, null"), "payment_runs_kind_known"],
    [run("'2026-12-21', 'mid-month', 'alarm', 'deciding', 1, null"), "payment_runs_trigger_known"],
    [run("'2026-12-21', 'mid-month', 'manual', 'waiting', 1, null"), "payment_runs_state_known"],
    [run("'2026-12-22', 'mid-month', 'manual', 'deciding', 1, null"), "payment_runs_on_a_monday"],
    [run("'2026-12-21', 'mid-month', 'manual', 'deciding', 0, null"), "payment_runs_minimum_positive"],
    [run("'2026-12-21', 'mid-month', 'manual', 'completed', 1, null"), "payment_runs_completed_at"],
    [run("'2026-12-21', 'mid-month', 'manual', 'processing', 1, now()"), "payment_runs_completed_at"],
    ["delete from payment_runs", "payment_runs_kept"],
    ["truncate payment_runs cascade", "payment_runs_kept"],
  ]);
});

describe("decisions", () => {
  stand([
    [decision("1, 1, 'pay', null, 1, 'open', null, null"), "run_decisions_pkey"],
    [decision("1, 99, 'pay', null, 1, 'open', null, null"), "run_decisions_of_a_user"],
    [decision("99, 1, 'pay', null, 1, 'open', null, null"), "run_decisions_of_a_run"],
    ["update run_decisions set decision = 'wait'", "run_decisions_decision_known"],
    ["update run_decisions set reason = 'mood' where outcome = 'skipped'", "run_decisions_reason_known"],
    ["update run_decisions set outcome = 'lost', invoice_id = null where user_id = 1", "run_decisions_outcome_known"],
    ["update run_decisions set decision = 'skip' where user_id = 1", "run_decisions_skip_is_settled"],
    ["update run_decisions set reason = null where user_id = 3", "run_decisions_skip_has_reason"],
    ["update run_decisions set reason = 'inactive' where user_id = 1", "run_decisions_skip_has_reason"],
    ["update run_decisions set invoice_id = null where user_id = 1", "run_decisions_invoiced_has_invoice"],
    ["update run_decisions set outcome = 'open' where user_id = 1", "run_decisions_invoiced_has_invoice"],
    ["update run_decisions set error = 'x' where user_id = 1", "run_decisions_failed_has_error"],
    [
      "update run_decisions set outcome = 'failed', invoice_id = null where user_id = 1",
      "run_decisions_failed_has_error",
    ],
    ["update run_decisions set balance_cents = 0", "run_decisions_balance_positive"],
    ["delete from run_decisions where user_id = 1", "run_decisions_kept"],
    ["update run_decisions set user_id = 2 where user_id = 1", "run_decisions_kept"],
    ["truncate run_decisions", "run_decisions_kept"],
  ]);
});

describe("invoices", () => {
  const pending = "'pending', null, null, null";
  stand([
    [invoice(`'INV-20261207-1', 3, 1, '2026-12-21', 1, 'USD', ${pending}`), "invoices_number"],
    [invoice(`'X', 1, 1, '2026-12-07', 1, 'USD', ${pending}`), "invoices_one_per_user_and_date"],
    [invoice(`'X', 99, 1, '2026-12-21', 1, 'USD', ${pending}`), "invoices_of_a_decision"],
    [invoice(`'X', 1, 99, '2026-12-21', 1, 'USD', ${pending}`), "invoices_of_a_decision"],
    // The decision exists, but already has an invoice.
    [invoice(`'X', 1, 1, '2026-12-21', 1, 'USD', ${pending}`), "invoices_of_a_decision"],
    [invoice(`'X', 3, 1, '2026-12-07', 0, 'USD', ${pending}`), "invoices_amount_positive"],
    [invoice(`'X', 3, 1, '2026-12-07', 1, 'EUR', ${pending}`), "invoices_currency_usd"],
    [invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'sent', 'me', null, null"), "invoices_status_known"],
    [invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'paid', null, null, null"), "invoices_reviewed_by"],
    [invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'pending', 'me', null, null"), "invoices_reviewed_by"],
    [invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'rejected', 'me', null, 'return'"), "invoices_rejection_has_reason"],
    [invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'rejected', 'me', '', 'return'"), "invoices_rejection_has_reason"],
    [invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'rejected', 'me', 'why', null"), "invoices_rejection_has_disposition"],
    [invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'paid', 'me', null, 'forfeit'"), "invoices_rejection_has_disposition"],
    [invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'rejected', 'me', 'why', 'burn'"), "invoices_disposition_known"],
  ]);
});

describe("approvals of an invoice", () => {
  it("the table refuses an invoice whose two approvals are by one person", async () => {
    const same = `
      update invoices set status = 'paid', approved_by = 'alice', approved_at = now(), reviewed_by = 'alice', reviewed_at = now()
      where number = 'INV-20261207-1'`;
    expect(await refusalOf(same)).toBe("invoices_two_people");
  });
});

describe("ledger entries", () => {
  stand([
    [entry("99, 'credit', 1, null, null, null"), "ledger_entries_of_a_user"],
    [entry("1, 'invoice-reversal', 1, 99, null, null"), "ledger_entries_of_an_invoice"],
    [entry("1, 'gift', 1, null, null, null"), "ledger_entries_kind_known"],
    [entry("1, 'credit', 0, null, null, null"), "ledger_entries_sign_of_kind"],
    [entry("1, 'credit', -1, null, null, null"), "ledger_entries_sign_of_kind"],
    [entry("1, 'adjustment', 0, null, 'why', null"), "ledger_entries_sign_of_kind"],
    [entry("1, 'invoice', 1, 1, null, null"), "ledger_entries_sign_of_kind"],
    [entry("1, 'invoice-reversal', -1, 1, null, null"), "ledger_entries_sign_of_kind"],
    [entry("1, 'invoice', -1, null, null, null"), "ledger_entries_invoice_of_kind"],
    [entry("1, 'credit', 1, 1, null, null"), "ledger_entries_invoice_of_kind"],
    [entry("1, 'adjustment', -1, null, null, null"), "ledger_entries_adjustment_has_note"],
    [entry("1, 'adjustment', -1, null, '', null"), "ledger_entries_adjustment_has_note"],
    [entry("1, 'invoice', -1, 1, null, null"), "ledger_entries_once_per_invoice"],
    [
      `${entry("1, 'credit', 1, null, null, 'k'")}; ${entry("2, 'credit', 1, null, null, 'k'")}`,
      "ledger_entries_idempotency_key",
    ],
  ]);
});

describe("administrators", () => {
  it("administrators cannot be deleted, because the audit log names them", async () => {
    const { db, clock } = data.ctx;
    const added = {
      email: "alice@example.com",
      role: "admin",
      passwordHash: "hash",
      actor: "root",
      now: clock(),
    } as const;
    await insertAdmin(db, added);
    await expect(data.database.sql`delete from admins`).rejects.toThrow("admins keeps its rows");
  });
});

describe("scheduler", () => {
  it("the scheduler's table refuses a second row", async () => {
    const second = "insert into scheduler (id, live_since, last_tick_at) values (2, now(), now())";
    expect(await refusalOf(second)).toBe("scheduler_one_row");
  });
});

describe.each(["ledger_entries", "audit_log"])("%s", (table) => {
  it.each([
    `update ${table} set actor = 'somebody else'`,
    `update ${table} set actor = actor where false`,
    `delete from ${table}`,
    `delete from ${table} where false`,
    `truncate ${table}`,
    `truncate ${table} cascade`,
    `truncate ledger_entries, audit_log, users cascade`,
  ])(`the append-only table ${table} refuses: %s`, async (statement) => {
    expect(await refusalOf(statement)).toMatch(/is append-only: (UPDATE|DELETE|TRUNCATE) refused|users_kept/);
  });

  it(`the append-only table ${table} refuses an upsert that would update a row`, async () => {
    const upsert = `insert into ${table} overriding system value select * from ${table} on conflict (id) do update set actor = 'x'`;
    expect(await refusalOf(upsert)).toMatch(/is append-only: UPDATE refused/);
  });
});
