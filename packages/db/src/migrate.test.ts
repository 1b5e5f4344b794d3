import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { CEILING_CENTS } from "@cpa-payouts/core";
import { migrationsFolder } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assertMigrated, migrateDatabase, migrationState } from "./migrate.ts";
import { findViolations } from "./reads/invariants.ts";
import { type TestDatabase, testDatabase } from "./testing/index.ts";

let database: TestDatabase;
let folder: string;

beforeEach(async () => {
  database = await testDatabase({ empty: true });
  folder = await mkdtemp(path.join(tmpdir(), "payouts-migrations-"));
});

afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

describe("migrations", () => {
  it("eight processes that migrate an empty database at the same moment bring it up to date once", async () => {
    const known = (await migrationState(database.db, migrationsFolder)).known;
    expect(known).toBeGreaterThanOrEqual(2);
    await Promise.all(Array.from({ length: 8 }, () => migrateDatabase(database.url, migrationsFolder)));
    expect(await migrationState(database.db, migrationsFolder)).toEqual({ known, applied: known });
    await expect(assertMigrated(database.db, migrationsFolder)).resolves.toBeUndefined();
  });

  it("a database that lacks migrations is refused with the command to run", async () => {
    await expect(assertMigrated(database.db, migrationsFolder)).rejects.toThrow(
      /^the database lacks \d+ of \d+ migrations: run "payouts migrate" first$/,
    );
  });

  it("a database that was migrated by a newer version is refused by an older one", async () => {
    await migrateDatabase(database.url, migrationsFolder);
    await cp(migrationsFolder, folder, { recursive: true });
    const file = path.join(folder, "meta", "_journal.json");
    const journal = JSON.parse(await readFile(file, "utf8")) as { entries: unknown[] };
    await writeFile(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, -1) }));
    await expect(assertMigrated(database.db, folder)).rejects.toThrow(/run a newer version of payouts$/);
  });

  it("balances beyond the ceiling are adjusted to it, and larger entries of before are kept", async () => {
    await migrateDatabase(database.url, await migrationsBefore("amounts"));
    const { sql } = database;
    for (const [user, cents] of [
      ["far-above", "5000000000000000000"],
      ["far-below", "-5000000000000000000"],
      ["normal", "15000"],
    ] as const)
      await sql`
        with owner as (
          insert into users (external_id, email, status, balance_cents, joined_at, updated_at)
          values (${user}, 'user@example.com', 'active', ${cents}::bigint, now(), now()) returning id
        )
        insert into ledger_entries (user_id, kind, amount_cents, note, idempotency_key, actor, created_at)
        select id, 'adjustment', ${cents}::bigint, 'test', null, 'test', now() from owner`;
    await migrateDatabase(database.url, migrationsFolder);
    const users = await sql<{ user: string; cents: bigint }[]>`
      select external_id as user, balance_cents as cents from users order by 1`;
    expect(users.map(({ user, cents }) => [user, cents])).toEqual([
      ["far-above", CEILING_CENTS],
      ["far-below", -CEILING_CENTS],
      ["normal", 150_00n],
    ]);
    expect(await findViolations(database.db, () => {})).toEqual([]);
    await sql`update users set status = 'suspended'`;
  });
});

/** A folder with the migrations that come before the one with a name. */
async function migrationsBefore(name: string): Promise<string> {
  await cp(migrationsFolder, folder, { recursive: true });
  const file = path.join(folder, "meta", "_journal.json");
  const journal = JSON.parse(await readFile(file, "utf8")) as { entries: { tag: string }[] };
  const first = journal.entries.findIndex(({ tag }) => tag.endsWith(`_${name}`));
  await writeFile(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, first) }));
  return folder;
}
