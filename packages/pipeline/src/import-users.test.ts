import { Readable } from "node:stream";
import { InputError } from "@cpa-payouts/core";
import { updateSettings } from "@cpa-payouts/db";
import { fingerprint, openTestData, type TestData, toCsv } from "@cpa-payouts/db/testing";
import { holdTransaction, killBlocked, untilBlocked } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ImportResult, importUsers } from "./import-users.ts";
import type { LineProblem } from "./read-import-file.ts";

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

function load(source: string | Readable, skipBad = false): Promise<ImportResult> {
  return importUsers(data.ctx, {
    source: typeof source === "string" ? Readable.from([source]) : source,
    skipBad,
    actor: "test",
    onProblem: (problem) => problems.push(problem),
    onProgress: () => {},
  });
}

const users = (count: number) => Array.from({ length: count }, (_, index) => ({ externalId: `u${index}` }));
const broken = (text: string) => text.replace("u7@example.com", "nonsense");

describe("import of users", () => {
  it("an import adds the users of the file and returns the counts", async () => {
    expect(await load(toCsv(users(10)))).toEqual({
      rows: 10,
      badRows: 0,
      created: 10,
      updated: 0,
      unchanged: 0,
      differingBalances: 0,
      changedAddresses: 0,
    });
    expect(await count("users")).toBe(10);
  });

  it("a file with more rows than are staged at a time is imported whole, and progress is reported", async () => {
    const progress: { rows: number; merging: boolean }[] = [];
    const source = Readable.from([toCsv(users(4_321))]);
    const onProgress = (step: { rows: number; merging: boolean }) => progress.push(step);
    await importUsers(data.ctx, { source, skipBad: false, actor: "test", onProblem: () => {}, onProgress });
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

  it("an import that conflicts with another one of the same users reports the conflict", async () => {
    const holder = await holdTransaction(
      data.database,
      (sql) => sql`insert into users (external_id, email, status, joined_at, updated_at)
        values ('u9', 'u9@example.com', 'active', now(), now())`,
    );
    const second = load(toCsv(users(10)));
    const outcome = expect(second).rejects.toThrow(/^another import changed the same users at this moment; nothing/);
    await untilBlocked(data.database);
    await holder.commit();
    await outcome;
    expect(await count("users")).toBe(1);
    expect(await load(toCsv(users(10)))).toMatchObject({ created: 9 });
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
