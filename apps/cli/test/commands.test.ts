import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { requestCancel, skipCancelled } from "@cpa-payouts/db";
import { decidedRun, type TestDatabase, testDatabase, toCsv } from "@cpa-payouts/db/testing";
import { setUserStatus } from "@cpa-payouts/pipeline";
import { recordingLog } from "@cpa-payouts/testing-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { payouts, payoutsJson } from "./payouts.ts";

/** Goal: the command line keeps its contract (docs/cli.md), which other programs rely on, from import to review. */
describe("command line, from import to review", () => {
  let folder: string;
  let database: TestDatabase;
  let env: Record<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "payouts-cli-"));
    database = await testDatabase();
    env = { DATABASE_URL: database.url, PAYOUTS_ACTOR: "finance" };
  });

  afterAll(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });

  const file = async (name: string, content: string) => {
    const full = path.join(folder, name);
    await writeFile(full, content);
    return full;
  };

  const at = (instant: string) => ["--now", instant];

  it("an import adds users, and importing the file again changes nothing", async () => {
    const csv = toCsv([
      { externalId: "aff", balance: "150.00" },
      { externalId: "bet", balance: "250.50", previousInvoices: 0 },
      { externalId: "cap", balance: "99.99" },
      { externalId: "del", method: "pending" },
      { externalId: "eta", status: "suspended" },
      { externalId: "phi", balance: "0" },
    ]);
    const first = await payouts(["import", await file("users.csv", csv)], env);
    expect(first).toMatchObject({ code: 0, stdout: "Imported 6 of 6 rows: 6 users added, 0 updated, 0 unchanged\n" });
    expect(await payoutsJson(["import", await file("users.csv", csv)], env)).toEqual({
      rows: 6,
      badRows: 0,
      created: 0,
      updated: 0,
      unchanged: 6,
      differingBalances: 0,
      changedAddresses: 0,
      keptStatuses: 0,
      overriddenStatuses: 0,
    });
  });

  it("a credit is added once per key", async () => {
    const credit = ["credit", "phi", "12.30", "--key", "conversion-1", "--note", "spring campaign"];
    expect(await payoutsJson(credit, env)).toEqual({
      externalId: "phi",
      status: "credited",
      amount: "12.30",
      balance: "12.30",
    });
    expect(await payoutsJson(credit, env)).toMatchObject({ status: "already-credited", balance: "12.30" });
    expect(await payouts(["credit", "phi", "12.31", "--key", "conversion-1"], env)).toMatchObject({
      code: 2,
      stderr: 'error: the key "conversion-1" was used for another user or amount; nothing was credited\n',
    });
    expect(await payouts(["credit", "unknown", "1", "--key", "k"], env)).toMatchObject({
      code: 2,
      stderr: "error: there is no user unknown\n",
    });
  });

  it("a credit whose key a program used in an older version is refused, and adds nothing", async () => {
    const { sql } = database;
    await sql`
      insert into api_tokens (name, token_hash, scopes, created_at, created_by, expires_at)
      values ('erp', 'hash', '{credits:write}', now(), 'test', now())`;
    // As a version wrote it in which keys had no owners.
    await sql.unsafe(`
      alter table ledger_entries drop constraint ledger_entries_key_has_owner;
      with entry as (
        insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, actor, created_at)
        select id, 'credit', 100, 'sent', 'token:erp', now() from users where external_id = 'phi'
      ), audit as (
        insert into audit_log (at, actor, action, object)
        select now(), 'token:erp', 'user.credit', 'user:' || id from users where external_id = 'phi'
      )
      update users set balance_cents = balance_cents + 100 where external_id = 'phi'`);
    expect(await payouts(["credit", "phi", "1.00", "--key", "sent"], env)).toMatchObject({
      code: 2,
      stderr:
        'error: the key "sent" was used through the API in an older version; nothing was credited, use another key\n',
    });
  });

  it("a credit above the largest entry is refused by name", async () => {
    expect(await payouts(["credit", "phi", "999999999999999.99", "--key", "absurd"], env)).toMatchObject({
      code: 2,
      stderr:
        "error: credit of $999,999,999,999,999.99 to user phi exceeds the largest entry, $1,000,000.00; an administrator may change the setting\n",
    });
  });

  const totals = {
    considered: 6,
    invoiced: 2,
    failed: 0,
    skipped: { inactive: 1, "below-minimum": 2, "no-approved-method": 1, "first-time-waits": 0 },
    totalCents: "40050",
  };

  it("a run has the result of its preview", async () => {
    const previewed = await payoutsJson(["preview", "--date", "2026-12-07"], env);
    expect(previewed).toEqual({ paymentDate: "2026-12-07", kind: "first-monday", state: "preview", ...totals });
    expect(await payoutsJson(["runs"], env)).toEqual([]);
    const run = ["run", "--date", "2026-12-07", ...at("2026-12-07T09:00:00Z")];
    const finished = { paymentDate: "2026-12-07", kind: "first-monday", state: "completed", ...totals };
    expect(await payoutsJson(run, env)).toEqual(finished);
    expect(await payoutsJson(run, env)).toEqual(finished);
    expect(await payoutsJson(["preview", "--date", "2026-12-07"], env)).toEqual(finished);
    const { stdout } = await payouts(run, env);
    expect(stdout).toBe(
      [
        "Payment date   2026-12-07 (first Monday: all users)",
        "State          completed",
        "Considered     6",
        "Invoiced       2 for $400.50",
        "Skipped        4 (inactive 1, below-minimum 2, no-approved-method 1)",
        "Failed         0",
        "",
      ].join("\n"),
    );
  });

  it("a run of a future date is refused, and a day that is no payment date names the next one", async () => {
    const future = await payouts(["run", "--date", "2026-12-21", ...at("2026-12-08T00:00:00Z")], env);
    expect(future.code).toBe(2);
    expect(future.stderr).toBe(
      'error: 2026-12-21 is in the future (today is 2026-12-08); "payouts preview --date 2026-12-21" shows what its run would decide\n',
    );
    const none = ["run", ...at("2026-12-08T00:00:00Z")];
    expect(await payoutsJson(none, env)).toEqual({
      paymentDate: "2026-12-08",
      state: "not-a-payment-date",
      next: "2026-12-21",
    });
    expect(await payouts(none, env)).toMatchObject({
      code: 0,
      stdout: "2026-12-08 is not a payment date; the next one is 2026-12-21\n",
    });
  });

  it("invoices, users and methods are listed in the documented columns", async () => {
    const { stdout } = await payouts(["invoices", "--format", "csv"], env);
    const [header, ...invoices] = stdout
      .replace(/2026-12-07T[^\n]+/g, "<created>")
      .trimEnd()
      .split("\n");
    expect(header).toBe("number,external_id,payment_date,amount,currency,destination,status,reason,created_at");
    // The workers create them in any order.
    expect(invoices.sort()).toEqual([
      "INV-20261207-1,aff,2026-12-07,150.00,USD,aff@pay.example.com,pending,,<created>",
      "INV-20261207-2,bet,2026-12-07,250.50,USD,bet@pay.example.com,pending,,<created>",
    ]);
    expect(await payoutsJson(["invoices", "--user", "bet"], env)).toEqual([
      {
        number: "INV-20261207-2",
        externalId: "bet",
        paymentDate: "2026-12-07",
        amount: "250.50",
        currency: "USD",
        destination: "bet@pay.example.com",
        status: "pending",
        reason: null,
        createdAt: expect.stringMatching(/^2026-12-07T09:00:\d\d\.\d{3}Z$/),
      },
    ]);
    const users = await payouts(["users", "--format", "csv", "--limit", "2"], env);
    expect(users.stdout).toBe(
      [
        "external_id,email,name,status,balance,binance_email,payment_method_status,previous_invoices,invoice_count",
        "aff,aff@example.com,User aff,active,0.00,aff@pay.example.com,approved,1,1",
        "bet,bet@example.com,User bet,active,0.00,bet@pay.example.com,approved,0,1",
        "",
      ].join("\n"),
    );
    expect(await payoutsJson(["users", "--method", "pending"], env)).toMatchObject([{ externalId: "del" }]);
    expect(await payoutsJson(["users", "--min-balance", "99.99"], env)).toMatchObject([
      { externalId: "cap" },
      { externalId: "del" },
      { externalId: "eta" },
    ]);
    expect(await payoutsJson(["methods", "--status", "pending"], env)).toMatchObject([
      { externalId: "del", binanceEmail: "del@pay.example.com" },
    ]);
    expect(await payoutsJson(["runs", "--state", "completed"], env)).toMatchObject([
      { paymentDate: "2026-12-07", invoiced: 2, skipped: 4, failed: 0, total: "400.50" },
    ]);
    expect((await payouts(["users", "--user", "aff"], env)).stdout.split("\n")[0]).toBe(
      "external id  email            name      status  balance  binance email        payment method status  previous invoices  invoice count",
    );
  });

  it("payouts why explains the stored decision", async () => {
    expect(await payoutsJson(["why", "aff"], env)).toEqual({
      externalId: "aff",
      paymentDate: "2026-12-07",
      decision: "pay",
      reason: null,
      balance: "150.00",
      outcome: "invoiced",
      invoiceNumber: "INV-20261207-1",
    });
    expect(await payoutsJson(["why", "eta", "--date", "2026-12-07"], env)).toMatchObject({
      decision: "skip",
      reason: "inactive",
      outcome: "skipped",
      invoiceNumber: null,
    });
    expect((await payouts(["why", "cap"], env)).stdout).toBe(
      "cap on 2026-12-07: not paid, because when the run decided the balance was below the minimum of $100.00. The balance was $99.99.\n",
    );
    expect(await payoutsJson(["why", "cap", "--date", "2026-12-21"], env)).toMatchObject({ decision: null });
    expect(await payouts(["why", "unknown"], env)).toMatchObject({ code: 2 });
  });

  it("an invoice is reviewed only once", async () => {
    const paid = await payouts(["review", "INV-20261207-1", "--paid", "--json"], env);
    expect(JSON.parse(paid.stdout)).toEqual([{ number: "INV-20261207-1", status: "paid", result: "reviewed" }]);
    const rejectPaid = await payouts(["review", "INV-20261207-1", "--reject", "--reason", "fraud", "--json"], env);
    expect(rejectPaid.code).toBe(1);
    expect(JSON.parse(rejectPaid.stdout)).toMatchObject([{ status: "paid", result: "already-reviewed" }]);
    expect(await payouts(["review", "INV-20261207-2", "--reject"], env)).toMatchObject({
      code: 2,
      stderr: "error: a rejection needs a reason: --reason TEXT\n",
    });
    const rejected = await payouts(["review", "INV-20261207-2", "--reject", "--reason", "fraud"], env);
    expect(rejected.code).toBe(0);
    expect(await payoutsJson(["users", "--user", "bet"], env)).toMatchObject([{ balance: "250.50" }]);
    const unknown = await payouts(["review", "INV-1", "INV-20261207-2", "INV-2", "--paid"], env);
    expect(unknown).toMatchObject({
      code: 2,
      stderr: "  there is no invoice INV-1\n  there is no invoice INV-2\nerror: 2 problems, see above\n",
    });
    const [audit] = await database.sql`select actor, reason, after from audit_log where action = 'invoice.reject'`;
    expect(audit).toEqual({ actor: "finance", reason: "fraud", after: { status: "rejected", disposition: "return" } });
  });

  it("a payment method can be approved and then rejected", async () => {
    expect(await payouts(["method", "del", "--approve"], env)).toMatchObject({
      code: 0,
      stdout: "del@pay.example.com of del is now approved\n",
    });
    expect(await payouts(["method", "del", "--approve"], env)).toMatchObject({
      code: 0,
      stdout: "del@pay.example.com of del is approved already; nothing was changed\n",
    });
    expect(await payouts(["method", "del", "--reject", "--reason", "bounced", "--actor", "ops"], env)).toMatchObject({
      code: 0,
    });
    expect(await payoutsJson(["methods", "--user", "del"], env)).toMatchObject([
      { status: "rejected", reason: "bounced", reviewedBy: "ops" },
    ]);
    expect(await payouts(["method", "del"], env)).toMatchObject({
      code: 2,
      stderr: "error: say either --approve or --reject\n",
    });
  });

  it("verify names a user whose balance was tampered with", async () => {
    expect(await payouts(["verify"], env)).toMatchObject({ code: 0, stdout: "" });
    await database.sql`update users set balance_cents = balance_cents + 1 where external_id = 'aff'`;
    const { code, stdout } = await payouts(["verify", "--format", "csv"], env);
    expect(code).toBe(1);
    expect(stdout).toBe(
      'invariant,subject,detail\na balance is the sum of its ledger entries,user aff,"the balance is 1 cents, the ledger says 0"\n',
    );
    await database.sql`update users set balance_cents = balance_cents - 1 where external_id = 'aff'`;
  });

  it("verify corrects tallies on request, and says what differed", async () => {
    await database.sql`insert into invoice_tallies (run_id, status, invoices, amount_cents) values (1, 'pending', 0, 50000)`;
    const { code, stdout } = await payouts(["verify", "--format", "csv"], env);
    expect([code, stdout]).toEqual([1, expect.stringContaining("the tallies of invoices match the invoices")]);
    const repaired = await payouts(["verify", "--repair-tallies"], env);
    expect(repaired.code).toBe(0);
    expect(repaired.stderr).toMatch(
      /^tally of invoices of run 1, pending: tallied \d+ over \d+ cents, found .*; corrected$/m,
    );
    expect((await payouts(["verify", "--repair-tallies"], env)).stderr).toContain("all tallies were right");
  });

  it("a failed user is shown with the reason and can be retried", async () => {
    await payouts(["import", await file("more.csv", toCsv([{ externalId: "gam" }, { externalId: "hub" }]))], env);
    await database.sql.unsafe(`alter table invoices add constraint no_gam check (destination not like 'gam%')`);
    const run = await payouts(["run", "--date", "2026-12-21", "--json", ...at("2026-12-21T09:00:00Z")], env);
    expect(run.code).toBe(1);
    expect(JSON.parse(run.stdout)).toMatchObject({ state: "completed", failed: 1 });
    expect(run.stderr).toContain('"payouts runs show 2026-12-21" says why');
    const shown = await payoutsJson<{ failures: unknown[] }>(["runs", "show", "2026-12-21"], env);
    expect(shown.failures).toEqual([
      {
        externalId: "gam",
        balance: "150.00",
        error: 'new row for relation "invoices" violates check constraint "no_gam" (SQLSTATE 23514)',
      },
    ]);
    expect((await payouts(["why", "gam"], env)).stdout).toContain("not paid yet, because creating the invoice failed");
    expect(await payouts(["retry"], env)).toMatchObject({ code: 1 });
    await database.sql.unsafe("alter table invoices drop constraint no_gam");
    expect(await payoutsJson(["retry", "--date", "2026-12-21"], env)).toMatchObject({ failed: 0 });
    expect(await payoutsJson(["invoices", "--user", "gam"], env)).toHaveLength(1);
    expect(await payouts(["verify"], env)).toMatchObject({ code: 0 });
  });

  it("an import keeps a status that an administrator set, says so, and overrides it on request", async () => {
    const csv = await file("kept.csv", toCsv([{ externalId: "eta" }, { externalId: "iota" }]));
    await payouts(["import", csv, "--override-status"], env);
    const ctx = { db: database.db, clock: () => new Date("2026-12-22T09:00:00Z"), log: recordingLog() };
    await setUserStatus(ctx, { externalId: "iota", status: "suspended", reason: "fraud", actor: "ada" });
    expect(await payouts(["import", csv], env)).toMatchObject({
      code: 0,
      stdout:
        "Imported 2 of 2 rows: 0 users added, 0 updated, 2 unchanged\n" +
        "1 users have another status in the file than an administrator gave them; theirs was kept (--override-status applies the file's)\n",
    });
    expect(await payoutsJson(["import", csv], env)).toMatchObject({ keptStatuses: 1, overriddenStatuses: 0 });
    expect((await payouts(["import", csv, "--override-status"], env)).stdout).toContain(
      "\n1 statuses that an administrator had set were replaced by the file's\n",
    );
    expect(await payoutsJson(["users", "--user", "iota"], env)).toMatchObject([{ status: "active" }]);
  });

  it("a retry of a cancelled run says that it was cancelled, and a date without a run is refused", async () => {
    const ctx = { db: database.db, clock: () => new Date("2027-01-04T09:00:00Z"), log: recordingLog() };
    const { id: runId } = await decidedRun(ctx, "2027-01-04");
    await requestCancel(database.db, { runId, reason: "wrong file", actor: "test", now: ctx.clock() });
    await skipCancelled(database.db, { runId, afterUserId: 0, limit: 100, now: ctx.clock() });
    const cancelled = await payouts(["retry", "--json"], env);
    expect(cancelled).toMatchObject({ code: 0, stderr: "The run of 2027-01-04 was cancelled\n" });
    expect(JSON.parse(cancelled.stdout)).toMatchObject({ paymentDate: "2027-01-04", state: "cancelled", failed: 0 });
    expect(await payouts(["retry", "--date", "2026-12-21"], env)).toMatchObject({
      code: 0,
      stderr: "No user of 2026-12-21 has failed\n",
    });
    expect(await payouts(["retry", "--date", "2027-01-18"], env)).toMatchObject({
      code: 2,
      stderr: "error: there is no run of 2027-01-18\n",
    });
  });
});
