import { Readable } from "node:stream";
import { InputError, type UserStatus } from "@cpa-payouts/core";
import { updateSettings } from "@cpa-payouts/db";
import { fingerprint, openTestData, type TestData, toCsv } from "@cpa-payouts/db/testing";
import { eventually, holdTransaction, killBlocked, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ImportResult, importUsers } from "./import-users.ts";
import type { LineProblem } from "./read-import-file.ts";
import { setUserStatus } from "./set-user-status.ts";

const NOW = new Date("2026-12-07T02:00:00Z");

let data: TestData;
let problems: LineProblem[];

beforeEach(async () => {
  data = await openTestData();
  problems = [];
});

afterEach(async () => {
  // No import leaves staged rows behind, failed ones included.
  expect(await count("import_rows")).toBe(0);
  await data.close();
});

async function count(table: string): Promise<number> {
  const [row] = await data.database.sql.unsafe<{ count: number }[]>(`select count(*)::int as count from ${table}`);
  return row?.count ?? -1;
}

function load(source: string | Readable, skipBad = false, overrideStatus = false): Promise<ImportResult> {
  return importUsers(data.ctx, {
    source: typeof source === "string" ? Readable.from([source]) : source,
    skipBad,
    overrideStatus,
    actor: "test",
    onProblem: (problem) => problems.push(problem),
    onProgress: () => {},
  });
}

const users = (count: number) => Array.from({ length: count }, (_, index) => ({ externalId: `u${index}` }));
const broken = (text: string) => text.replace("u7@example.com", "nonsense");

describe("import of users", () => {
  it.each([
    ["of 201 characters", "x".repeat(201), "it has 201 characters, at most 200 are allowed"],
    ["with a right-to-left override", "user\u202e1", "it has a character that changes the direction of text"],
    ["with a zero-width space", "user\u200b1", "it has an invisible character"],
  ])(
    "an external_id %s is refused for a new user, and kept by a user who has it already",
    async (_what, id, problem) => {
      const row = (status: "active" | "suspended") => toCsv([{ externalId: "old", status }]).replace("old,", `${id},`);
      expect(await load(row("active"), true)).toMatchObject({ rows: 1, badRows: 1, created: 0 });
      expect(problems).toEqual([{ line: 2, message: `external_id: ${problem}` }]);
      await load(toCsv([{ externalId: "old" }]));
      await data.database.sql`update users set external_id = ${id}`;
      problems = [];
      expect(await load(row("suspended"))).toMatchObject({ badRows: 0, updated: 1 });
      expect(problems).toEqual([]);
    },
  );

  it("an import adds the users of the file and returns the counts", async () => {
    expect(await load(toCsv(users(10)))).toEqual({
      rows: 10,
      badRows: 0,
      created: 10,
      updated: 0,
      unchanged: 0,
      differingBalances: 0,
      changedAddresses: 0,
      keptStatuses: 0,
      overriddenStatuses: 0,
    });
    expect(await count("users")).toBe(10);
  });

  it("a file with more rows than are staged at a time is imported whole, and progress is reported", async () => {
    const progress: { rows: number; merging: boolean }[] = [];
    const source = Readable.from([toCsv(users(4_321))]);
    const onProgress = (step: { rows: number; merging: boolean }) => progress.push(step);
    const options = { skipBad: false, overrideStatus: false, actor: "test", onProblem: () => {}, onProgress };
    await importUsers(data.ctx, { source, ...options });
    expect(await count("users")).toBe(4_321);
    expect(progress).toEqual([
      { rows: 2_000, merging: false },
      { rows: 4_000, merging: false },
      { rows: 4_321, merging: false },
      { rows: 4_321, merging: true },
    ]);
  });

  it("importing the same file again changes nothing", async () => {
    await load(toCsv(users(50)));
    const before = await fingerprint(data.database);
    expect(await load(toCsv(users(50)))).toMatchObject({ created: 0, updated: 0, unchanged: 50 });
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("an import logs counts, but no names or e-mails", async () => {
    await load(toCsv(users(3)));
    expect(data.log.of("users.imported")).toHaveLength(1);
    expect(JSON.stringify(data.log.lines)).not.toMatch(/example\.com|User/);
  });
});

describe("import of a file with bad rows", () => {
  it("a file with a bad row is refused whole", async () => {
    await load(toCsv([{ externalId: "u0", balance: "1.00" }]));
    const before = await fingerprint(data.database);
    await expect(load(broken(toCsv(users(5_000))))).rejects.toThrow(
      /^1 of 5000 rows are bad; nothing was imported \(fix them, or leave them out with --skip-bad\)$/,
    );
    expect(problems).toEqual([{ line: 9, message: 'email: "nonsense" is not an e-mail address' }]);
    expect(await fingerprint(data.database)).toEqual(before);
  });

  it("bad rows are left out on request, and the others are imported", async () => {
    expect(await load(broken(toCsv(users(10))), true)).toMatchObject({ rows: 10, badRows: 1, created: 9 });
    expect(problems).toHaveLength(1);
    expect(await count("users where external_id = 'u7'")).toBe(0);
  });

  it("every row that repeats an external_id is named, and the first one is kept on request", async () => {
    const doubled = toCsv([
      { externalId: "a", balance: "1.00" },
      { externalId: "b" },
      { externalId: "a", balance: "2.00" },
      { externalId: "a", balance: "3.00" },
    ]);
    await expect(load(doubled)).rejects.toThrow(InputError);
    const named = [
      { line: 4, message: 'external_id: "a" is on line 2 already' },
      { line: 5, message: 'external_id: "a" is on line 2 already' },
    ];
    expect(problems).toEqual(named);
    expect(await count("users")).toBe(0);
    expect(await load(doubled, true)).toMatchObject({ rows: 4, badRows: 2, created: 2 });
    expect(await count("users where external_id = 'a' and balance_cents = 100")).toBe(1);
  });

  it("a file that cannot be split into rows is refused whole, even when bad rows may be left out", async () => {
    await expect(load(`${toCsv(users(3_000))}"open`, true)).rejects.toThrow(/^line 3002: a quote is opened/);
    await expect(load("", true)).rejects.toThrow(/^the file is empty/);
    await expect(load("external_id,email\n", true)).rejects.toThrow(/^line 1: the column name is missing/);
    expect(await count("users")).toBe(0);
  });

  it("a file whose source fails in the middle changes nothing", async () => {
    async function* source() {
      yield toCsv(users(3_000));
      throw new Error("the disk is gone");
    }
    await expect(load(Readable.from(source()))).rejects.toThrow("the disk is gone");
    expect(await count("users")).toBe(0);
  });
});

describe("interrupted and concurrent imports", () => {
  it("an import that is killed in the middle of the merge writes nothing, and works when repeated", async () => {
    await load(toCsv(users(10)));
    const before = await fingerprint(data.database);
    const changed = toCsv(users(3_000).map((user) => ({ ...user, status: "closed" as const })));
    // The merge has locked most of its rows when it reaches this user.
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`select from users where external_id = 'u9' for update`,
    );
    const doomed = load(changed).then(
      () => "imported",
      () => "killed",
    );
    await untilBlocked(data.database);
    await killBlocked(data.database);
    expect(await doomed).toBe("killed");
    await holder.rollback();
    expect(await fingerprint(data.database)).toEqual(before);
    expect(await load(changed)).toMatchObject({ created: 2_990, updated: 10 });
  });

  it("rows left in staging by a killed import are removed by a later import once they are a day old", async () => {
    await data.database.sql`
      insert into import_rows (import_id, line, external_id, email, status, balance_cents, staged_at)
      select gen_random_uuid(), 2, 'x', 'x@example.com', 'active', 0, ${data.clock().toISOString()}`;
    await load(toCsv(users(1)));
    expect(await count("import_rows")).toBe(1);
    data.clock.set("2026-12-08T02:00:00.001Z");
    await load(toCsv(users(1)));
    expect(await count("import_rows")).toBe(0);
  });

  it("concurrent imports of the same new users never leave half of a file behind", async () => {
    const results = await Promise.allSettled(Array.from({ length: 4 }, () => load(toCsv(users(200)))));
    expect(results.some(({ status }) => status === "fulfilled")).toBe(true);
    expect(await count("users")).toBe(200);
    expect(await count("ledger_entries")).toBe(200);
  });

  /** Adds a user as another import would, without committing yet. */
  const addsUser = (externalId: string) =>
    holdTransaction(
      data.database,
      (sql) => sql`insert into users (external_id, email, status, joined_at, updated_at)
        values (${externalId}, ${`${externalId}@example.com`}, 'active', now(), now())`,
    );

  /** Waits until a statement that began after that instant waits for a lock. @returns when it began */
  const untilBlockedAfter = (since: string) =>
    eventually(async () => {
      const [row] = await data.database.sql<{ began: string }[]>`
        select query_start::text as began from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query_start::text <> ${since}`;
      return row?.began;
    });

  it("an import during which another one adds the same user is merged with that user", async () => {
    const holder = await addsUser("u9");
    const imported = load(toCsv(users(10)));
    await untilBlocked(data.database);
    await holder.commit();
    expect(await imported).toMatchObject({ created: 9, updated: 1, differingBalances: 1 });
    expect(await count("users")).toBe(10);
  });

  it("an import during which a rejected payment method is approved replaces that method", async () => {
    await load(toCsv([{ externalId: "u0", method: "rejected" }]));
    const holder = await holdTransaction(data.database, async (sql) => {
      await sql`select from users for no key update`;
      await sql`update payment_methods set status = 'approved'`;
    });
    const imported = load(toCsv([{ externalId: "u0", binanceEmail: "new@pay.example.com" }]));
    await untilBlocked(data.database);
    await holder.commit();
    expect(await imported).toMatchObject({ updated: 1, changedAddresses: 1 });
    const methods = await data.database
      .sql`select binance_email || ' ' || status as method from payment_methods order by id`;
    expect(methods).toEqual([{ method: "u0@pay.example.com replaced" }, { method: "new@pay.example.com pending" }]);
  });

  it.each([
    ["a deadlock", "40P01"],
    ["a serialization failure", "40001"],
  ])("an import that %s ended is tried again", async (_, code) => {
    await load(toCsv(users(2)));
    // A sequence keeps its value when a statement fails, so only the first attempt does.
    await data.database.sql.unsafe(`
      create sequence attempts;
      create function fail_once() returns trigger language plpgsql as $$
        begin
          if nextval('attempts') = 1 then raise exception 'ended' using errcode = '${code}'; end if;
          return null;
        end $$;
      create trigger fail_once after update on users for each statement execute function fail_once()`);
    const closed = users(2).map((user) => ({ ...user, status: "closed" as const }));
    expect(await load(toCsv(closed))).toMatchObject({ updated: 2 });
  });

  it("an import that meets with another change at every attempt says so, and writes nothing", async () => {
    const attempts = 5;
    let holder = await addsUser("u0");
    let since = "";
    const outcome = expect(load(toCsv(users(10)))).rejects.toThrow(
      /^nothing was imported: each of 5 attempts met with another change of the same users \(duplicate key .*\(SQLSTATE 23505\)\); import the file again$/,
    );
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      since = await untilBlockedAfter(since);
      // The next attempt sees this user, and meets with the next one.
      const next = await addsUser(`u${attempt}`);
      await holder.commit();
      holder = next;
    }
    await outcome;
    await holder.rollback();
    expect(await count("users")).toBe(attempts);
    expect(await load(toCsv(users(10)))).toMatchObject({ created: 10 - attempts });
  });
});

describe("statuses in an import", () => {
  const decide = (externalId: string, status: UserStatus) =>
    setUserStatus(data.ctx, { externalId, status, reason: "fraud", actor: "ada@example.com" });
  const statuses = async () => {
    const rows = await data.database.sql<
      { status: string }[]
    >`select external_id || ' ' || status as status from users order by id`;
    return rows.map(({ status }) => status);
  };
  const names = ["a", "b", "c"];
  const file = (status: UserStatus) => toCsv(names.map((externalId) => ({ externalId, status })));

  it("a file does not activate a user whom an administrator suspended, and counts the kept status", async () => {
    await load(file("active"));
    await decide("b", "suspended");
    expect(await load(file("active"))).toMatchObject({ unchanged: 3, keptStatuses: 1, overriddenStatuses: 0 });
    expect(await statuses()).toEqual(["a active", "b suspended", "c active"]);
  });

  it("a file still changes the other columns of a user whose status is kept", async () => {
    await load(file("active"));
    await decide("b", "suspended");
    const changed = file("active").replace("User b", "Berta");
    expect(await load(changed)).toMatchObject({ updated: 1, keptStatuses: 1 });
    expect(await count("users where name = 'Berta' and status = 'suspended'")).toBe(1);
  });

  it("a file imported to override statuses replaces the one set by hand, and later files then apply", async () => {
    await load(file("active"));
    await decide("b", "suspended");
    expect(await load(file("active"), false, true)).toMatchObject({
      updated: 1,
      keptStatuses: 0,
      overriddenStatuses: 1,
    });
    expect(await statuses()).toEqual(["a active", "b active", "c active"]);
    expect(await load(file("closed"))).toMatchObject({ updated: 3, keptStatuses: 0 });
    const [row] = await data.database.sql`
      select before->>'status' as before, after->>'status' as after, before->>'status_by_hand' as by_hand
      from audit_log where action = 'user.update' order by id limit 1`;
    expect(row).toEqual({ before: "suspended", after: "active", by_hand: "true" });
  });

  it("an administrator who confirms the status that an import has set decides it, and later files keep it", async () => {
    await load(file("suspended"));
    expect(await decide("b", "suspended")).toBe("unchanged");
    expect(await decide("b", "suspended")).toBe("unchanged");
    const audited = await data.database.sql`select before, after from audit_log where action = 'user.status'`;
    expect(audited).toEqual([
      { before: { status: "suspended", byHand: false }, after: { status: "suspended", byHand: true } },
    ]);
    expect(await load(file("active"))).toMatchObject({ updated: 2, keptStatuses: 1 });
    expect(await statuses()).toEqual(["a active", "b suspended", "c active"]);
  });

  it("a suspension that is entered while a file is merged is kept, whichever comes first", async () => {
    await load(file("active"));
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`select from users where external_id = 'b' for update`,
    );
    const both = [load(file("active").replaceAll("User", "Dr")), decide("b", "suspended")];
    await untilBlocked(data.database, 2);
    await holder.commit();
    await Promise.all(both);
    expect((await statuses())[1]).toBe("b suspended");
  });

  it("opening balances above the limits are named by line, and the whole file is refused", async () => {
    await updateSettings(data.ctx.db, {
      actor: "test",
      largestEntryCents: 200_00n,
      largestBalanceCents: 300_00n,
      now: NOW,
    });
    const balances = ["200.00", "200.01", "999999999999999.99", "150.00"];
    const file = toCsv(balances.map((balance, index) => ({ externalId: `u${index}`, balance })));
    await expect(load(file)).rejects.toThrow("2 of 4 rows are bad; nothing was imported");
    expect(problems).toEqual([
      {
        line: 3,
        message: "balance: $200.01 exceeds the largest entry, $200.00; an administrator may change the setting",
      },
      {
        line: 4,
        message:
          "balance: $999,999,999,999,999.99 exceeds the largest entry, $200.00; an administrator may change the setting",
      },
    ]);
    expect(await count("users")).toBe(0);
    expect(await load(file, true)).toMatchObject({ rows: 4, badRows: 2, created: 2 });
    expect(await count("users")).toBe(2);
  });

  it("a known user's balance in the file is not limited, because an import keeps the stored one", async () => {
    await load(toCsv([{ externalId: "u0", balance: "150.00" }]));
    await updateSettings(data.ctx.db, { actor: "test", largestEntryCents: 1n, largestBalanceCents: 1n, now: NOW });
    expect(await load(toCsv([{ externalId: "u0", balance: "160.00" }]))).toMatchObject({ differingBalances: 1 });
    expect(problems).toEqual([]);
  });
});
