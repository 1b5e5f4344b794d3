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
    return refused?.constraint ?? refused?.message ?? "";
  }
  return "it was accepted";
}

/** Defines a test for each change of the data, with its statement and the constraint that refuses it. */
function stand(cases: readonly (readonly [change: string, statement: string, constraint: string])[]): void {
  it.each(cases)("%s is refused", async (_change, statement, constraint) => {
    expect(await refusalOf(statement)).toBe(constraint);
  });
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

const keyed = (owner: string) =>
  `insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, key_owner, actor, created_at)
   values (1, 'credit', 1, 'k', ${owner}, 'test', now())`;

describe("users", () => {
  stand([
    ["a user with another user's external id", user("'a', 'x', 'active', 0, 0"), "users_external_id"],
    ["a user with an empty external id", user("'', 'x', 'active', 0, 0"), "users_external_id_given"],
    ["a user with an unknown status", user("'z', 'x', 'sleeping', 0, 0"), "users_status_known"],
    [
      "a user with a negative number of previous invoices",
      user("'z', 'x', 'active', -1, 0"),
      "users_previous_invoices_not_negative",
    ],
    [
      "a user with a negative number of invoices",
      user("'z', 'x', 'active', 0, -1"),
      "users_invoice_count_not_negative",
    ],
    ["deleting a user", "delete from users where external_id = 'c'", "users_kept"],
    ["changing the id of a user", "update users set id = default where external_id = 'c'", "users_kept"],
    ["truncating the users", "truncate users cascade", "users_kept"],
  ]);
});

describe("payment methods", () => {
  stand([
    [
      "a pending payment method beside an approved one",
      method("1, 'other@example.com', 'pending', null"),
      "payment_methods_one_current",
    ],
    [
      "a second approved payment method of a user",
      method("1, 'other@example.com', 'approved', null"),
      "payment_methods_one_current",
    ],
    [
      "a payment method with an unknown status",
      method("3, 'c@example.com', 'lost', null"),
      "payment_methods_status_known",
    ],
    ["a payment method with an empty Binance e-mail", method("3, '', 'pending', null"), "payment_methods_email_given"],
    [
      "a rejected payment method with an empty reason",
      method("3, 'c@example.com', 'rejected', ''"),
      "payment_methods_rejection_has_reason",
    ],
    [
      "a rejected payment method without a reason",
      method("3, 'c@example.com', 'rejected', null"),
      "payment_methods_rejection_has_reason",
    ],
    [
      "a payment method of a user who does not exist",
      method("99, 'c@example.com', 'pending', null"),
      "payment_methods_user_id_users_id_fk",
    ],
  ]);
});

describe("payment runs", () => {
  stand([
    [
      "a second run of a payment date",
      run("'2026-12-07', 'first-monday', 'manual', 'deciding', 1, null"),
      "payment_runs_one_per_date",
    ],
    [
      "a run of an unknown kind",
      run("'2026-12-21', 'weekly', 'manual', 'deciding', 1, null"),
      "payment_runs_kind_known",
    ],
    [
      "a run with an unknown trigger",
      run("'2026-12-21', 'mid-month', 'alarm', 'deciding', 1, null"),
      "payment_runs_trigger_known",
    ],
    [
      "a run in an unknown state",
      run("'2026-12-21', 'mid-month', 'manual', 'waiting', 1, null"),
      "payment_runs_state_known",
    ],
    ["a run on a Tuesday", run("'2026-12-22', 'mid-month', 'manual', 'deciding', 1, null"), "payment_runs_on_a_monday"],
    [
      "a run with a minimum balance of zero",
      run("'2026-12-21', 'mid-month', 'manual', 'deciding', 0, null"),
      "payment_runs_minimum_positive",
    ],
    [
      "a completed run without the time of its completion",
      run("'2026-12-21', 'mid-month', 'manual', 'completed', 1, null"),
      "payment_runs_completed_at",
    ],
    [
      "an unfinished run with a time of completion",
      run("'2026-12-21', 'mid-month', 'manual', 'processing', 1, now()"),
      "payment_runs_completed_at",
    ],
    ["deleting the runs", "delete from payment_runs", "payment_runs_kept"],
    ["truncating the runs", "truncate payment_runs cascade", "payment_runs_kept"],
  ]);
});

describe("decisions", () => {
  stand([
    [
      "a second decision about a user in one run",
      decision("1, 1, 'pay', null, 1, 'open', null, null"),
      "run_decisions_pkey",
    ],
    [
      "a decision about a user who does not exist",
      decision("1, 99, 'pay', null, 1, 'open', null, null"),
      "run_decisions_of_a_user",
    ],
    [
      "a decision of a run that does not exist",
      decision("99, 1, 'pay', null, 1, 'open', null, null"),
      "run_decisions_of_a_run",
    ],
    ["a decision other than pay or skip", "update run_decisions set decision = 'wait'", "run_decisions_decision_known"],
    [
      "a skip with an unknown reason",
      "update run_decisions set reason = 'mood' where outcome = 'skipped'",
      "run_decisions_reason_known",
    ],
    [
      "a decision with an unknown outcome",
      "update run_decisions set outcome = 'lost', invoice_id = null where user_id = 1",
      "run_decisions_outcome_known",
    ],
    [
      "a skip with the outcome invoiced",
      "update run_decisions set decision = 'skip' where user_id = 1",
      "run_decisions_skip_is_settled",
    ],
    [
      "a skipped user without a reason",
      "update run_decisions set reason = null where user_id = 3",
      "run_decisions_skip_has_reason",
    ],
    [
      "an invoiced user with a reason to skip",
      "update run_decisions set reason = 'inactive' where user_id = 1",
      "run_decisions_skip_has_reason",
    ],
    [
      "the outcome invoiced without an invoice",
      "update run_decisions set invoice_id = null where user_id = 1",
      "run_decisions_invoiced_has_invoice",
    ],
    [
      "the outcome open with an invoice",
      "update run_decisions set outcome = 'open' where user_id = 1",
      "run_decisions_invoiced_has_invoice",
    ],
    [
      "an error in a decision that has not failed",
      "update run_decisions set error = 'x' where user_id = 1",
      "run_decisions_failed_has_error",
    ],
    [
      "the outcome failed without an error",
      "update run_decisions set outcome = 'failed', invoice_id = null where user_id = 1",
      "run_decisions_failed_has_error",
    ],
    [
      "a decision about a balance of zero",
      "update run_decisions set balance_cents = 0",
      "run_decisions_balance_positive",
    ],
    ["deleting a decision", "delete from run_decisions where user_id = 1", "run_decisions_kept"],
    ["changing the user of a decision", "update run_decisions set user_id = 2 where user_id = 1", "run_decisions_kept"],
    ["truncating the decisions", "truncate run_decisions", "run_decisions_kept"],
  ]);
});

describe("invoices", () => {
  const pending = "'pending', null, null, null";
  stand([
    [
      "an invoice with another invoice's number",
      invoice(`'INV-20261207-1', 3, 1, '2026-12-21', 1, 'USD', ${pending}`),
      "invoices_number",
    ],
    [
      "a second invoice of a user for one payment date",
      invoice(`'X', 1, 1, '2026-12-07', 1, 'USD', ${pending}`),
      "invoices_one_per_user_and_date",
    ],
    [
      "an invoice of a user who does not exist",
      invoice(`'X', 99, 1, '2026-12-21', 1, 'USD', ${pending}`),
      "invoices_of_a_decision",
    ],
    [
      "an invoice of a run that does not exist",
      invoice(`'X', 1, 99, '2026-12-21', 1, 'USD', ${pending}`),
      "invoices_of_a_decision",
    ],
    [
      "a second invoice of one decision",
      invoice(`'X', 1, 1, '2026-12-21', 1, 'USD', ${pending}`),
      "invoices_of_a_decision",
    ],
    [
      "an invoice with an amount of zero",
      invoice(`'X', 3, 1, '2026-12-07', 0, 'USD', ${pending}`),
      "invoices_amount_positive",
    ],
    ["an invoice in euros", invoice(`'X', 3, 1, '2026-12-07', 1, 'EUR', ${pending}`), "invoices_currency_usd"],
    [
      "an invoice with an unknown status",
      invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'sent', 'me', null, null"),
      "invoices_status_known",
    ],
    [
      "a paid invoice without a reviewer",
      invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'paid', null, null, null"),
      "invoices_reviewed_by",
    ],
    [
      "a pending invoice with a reviewer",
      invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'pending', 'me', null, null"),
      "invoices_reviewed_by",
    ],
    [
      "a rejected invoice without a reason",
      invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'rejected', 'me', null, 'return'"),
      "invoices_rejection_has_reason",
    ],
    [
      "a rejected invoice with an empty reason",
      invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'rejected', 'me', '', 'return'"),
      "invoices_rejection_has_reason",
    ],
    [
      "a rejected invoice without a disposition",
      invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'rejected', 'me', 'why', null"),
      "invoices_rejection_has_disposition",
    ],
    [
      "a paid invoice with a disposition",
      invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'paid', 'me', null, 'forfeit'"),
      "invoices_rejection_has_disposition",
    ],
    [
      "a rejected invoice with an unknown disposition",
      invoice("'X', 3, 1, '2026-12-07', 1, 'USD', 'rejected', 'me', 'why', 'burn'"),
      "invoices_disposition_known",
    ],
  ]);
});

describe("approvals of an invoice", () => {
  it("the table refuses an invoice whose two approvals are by one person", async () => {
    const same = `
      update invoices set status = 'paid', approved_by = 'alice', approved_at = now(), reviewed_by = 'alice', reviewed_at = now()
      where number = 'INV-20261207-1'`;
    expect(await refusalOf(same)).toBe("invoices_two_people");
    const forfeited = `
      update invoices set status = 'rejected', reason = 'why', disposition = 'forfeit', approved_to_forfeit = true,
        approved_by = 'alice', approved_at = now(), reviewed_by = 'alice', reviewed_at = now()
      where number = 'INV-20261207-1'`;
    expect(await refusalOf(forfeited)).toBe("invoices_two_people");
  });

  it("the table refuses a paid invoice whose first approval is for a forfeit, and such an approval without its giver", async () => {
    const paid = `
      update invoices set status = 'paid', approved_to_forfeit = true, approved_by = 'alice', approved_at = now(),
        reviewed_by = 'bob', reviewed_at = now()
      where number = 'INV-20261207-1'`;
    expect(await refusalOf(paid)).toBe("invoices_approved_to_forfeit");
    expect(await refusalOf("update invoices set approved_to_forfeit = true")).toBe("invoices_approved_to_forfeit");
  });
});

describe("ledger entries", () => {
  stand([
    [
      "a ledger entry of a user who does not exist",
      entry("99, 'credit', 1, null, null, null"),
      "ledger_entries_of_a_user",
    ],
    [
      "a ledger entry of an invoice that does not exist",
      entry("1, 'invoice-reversal', 1, 99, null, null"),
      "ledger_entries_of_an_invoice",
    ],
    ["a ledger entry of an unknown kind", entry("1, 'gift', 1, null, null, null"), "ledger_entries_kind_known"],
    ["a credit of zero", entry("1, 'credit', 0, null, null, null"), "ledger_entries_sign_of_kind"],
    ["a credit of a negative amount", entry("1, 'credit', -1, null, null, null"), "ledger_entries_sign_of_kind"],
    ["an adjustment of zero", entry("1, 'adjustment', 0, null, 'why', null"), "ledger_entries_sign_of_kind"],
    [
      "a ledger entry of an invoice that adds to the balance",
      entry("1, 'invoice', 1, 1, null, null"),
      "ledger_entries_sign_of_kind",
    ],
    [
      "a reversal of an invoice that takes from the balance",
      entry("1, 'invoice-reversal', -1, 1, null, null"),
      "ledger_entries_sign_of_kind",
    ],
    [
      "a ledger entry of kind invoice that names no invoice",
      entry("1, 'invoice', -1, null, null, null"),
      "ledger_entries_invoice_of_kind",
    ],
    ["a credit that names an invoice", entry("1, 'credit', 1, 1, null, null"), "ledger_entries_invoice_of_kind"],
    [
      "an adjustment without a note",
      entry("1, 'adjustment', -1, null, null, null"),
      "ledger_entries_adjustment_has_note",
    ],
    [
      "an adjustment with an empty note",
      entry("1, 'adjustment', -1, null, '', null"),
      "ledger_entries_adjustment_has_note",
    ],
    [
      "a second ledger entry for one invoice",
      entry("1, 'invoice', -1, 1, null, null"),
      "ledger_entries_once_per_invoice",
    ],
    [
      "a credit with the idempotency key of another credit of the same owner",
      `${keyed("'token:1'")}; ${keyed("'token:1'")}`,
      "ledger_entries_idempotency_key",
    ],
    ["a credit with an idempotency key without an owner", keyed("null"), "ledger_entries_key_has_owner"],
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

const admin = (email: string, disabledAt = "null") =>
  `insert into admins (email, role, password_hash, disabled_at, created_at, created_by)
   values ('${email}', 'admin', 'hash', ${disabledAt}, now(), 'test')`;
const change = (values: string) =>
  `insert into guarded_changes (kind, object, wanted, seen, requested_by, requested_at, status, decided_by, decided_at, stop_reason)
   select ${values} from admins order by id limit 1`;

describe("administrators and their changes", () => {
  stand([
    [
      "a token that replaces another one and has keys of its own",
      "insert into api_tokens (name, token_hash, scopes, created_at, created_by, expires_at, replaces_id) values ('x', 'x', '{a}', now(), 'x', now(), 1)",
      "api_tokens_key_owner",
    ],
    ["an administrator named like a token", admin("token:x@y"), "admins_email_no_colon"],
    [
      "a change of an unknown kind",
      change("'power', 'admin:x@y', '{}', '{}', id, now(), 'waiting', null, null, null"),
      "guarded_changes_kind_known",
    ],
    [
      "a change of an administrator that names none",
      change("'change-admin', 'settings', '{}', '{}', id, now(), 'waiting', null, null, null"),
      "guarded_changes_object",
    ],
    [
      "an applied change without the person who decided it",
      change("'settings', 'settings', '{}', '{}', id, now(), 'applied', null, null, null"),
      "guarded_changes_decided",
    ],
    [
      "a stopped change without a reason",
      change("'settings', 'settings', '{}', '{}', id, now(), 'stopped', 'x', now(), null"),
      "guarded_changes_stop_reason",
    ],
  ]);

  it("an administrator named like a token, of an older version, stays disabled", async () => {
    expect(await refusalOf(admin("token:y@y", "now()"))).toBe("it was accepted");
    expect(await refusalOf("update admins set disabled_at = null where email = 'token:y@y'")).toBe(
      "admins_email_no_colon",
    );
  });

  it("one change of a kind waits for an object at a time, and changes cannot be deleted", async () => {
    const waiting = change("'settings', 'settings', '{}', '{}', id, now(), 'waiting', null, null, null");
    expect(await refusalOf(waiting)).toBe("it was accepted");
    expect(await refusalOf(waiting)).toBe("guarded_changes_one_waiting");
    await expect(data.database.sql`delete from guarded_changes`).rejects.toThrow("guarded_changes keeps its rows");
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
    ["an update", `update ${table} set actor = 'somebody else'`],
    ["an update of no row", `update ${table} set actor = actor where false`],
    ["a delete", `delete from ${table}`],
    ["a delete of no row", `delete from ${table} where false`],
    ["a truncate", `truncate ${table}`],
    ["a truncate with cascade", `truncate ${table} cascade`],
    ["a truncate together with other tables", `truncate ledger_entries, audit_log, users cascade`],
  ])(`the append-only table ${table} refuses %s`, async (_change, statement) => {
    expect(await refusalOf(statement)).toMatch(/is append-only: (UPDATE|DELETE|TRUNCATE) refused|users_kept/);
  });

  it(`the append-only table ${table} refuses an upsert that would update a row`, async () => {
    const upsert = `insert into ${table} overriding system value select * from ${table} on conflict (id) do update set actor = 'x'`;
    expect(await refusalOf(upsert)).toMatch(/is append-only: UPDATE refused/);
  });
});
