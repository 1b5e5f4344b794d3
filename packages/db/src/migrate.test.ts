import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { CEILING_CENTS } from "@cpa-payouts/core";
import { holdTransaction, migrationsFolder, untilBlocked } from "@cpa-payouts/testing-servers";
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
        ), audit as (
          insert into audit_log (at, actor, action, object)
          select now(), 'test', 'user.adjust', 'user:' || id from owner
        )
        insert into ledger_entries (user_id, kind, amount_cents, note, idempotency_key, actor, created_at)
        select id, 'adjustment', ${cents}::bigint, 'test', 'balance-ceiling:' || id, 'test', now() from owner`;
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

describe("migration of the ranks of alerts", () => {
  it("the alerts of before that are to be sent, or may be sent again, get the ranks of their events", async () => {
    await migrateDatabase(database.url, await migrationsBefore("alert_ranks"));
    const { sql } = database;
    for (const event of ["tick-failed", "token-created", "change-waits"])
      await sql`
        with raised as (insert into alerts (key, event, raised_at) values (${event}, ${event}, now()) returning id)
        insert into alert_deliveries (alert_id, channel, state, error, settled_at)
        select id, channel, state, 'no luck', case state when 'failed' then now() end
        from raised, (values ('webhook', 'open'), ('email', 'failed')) d (channel, state)`;
    await migrateDatabase(database.url, migrationsFolder);
    const ranks = await sql`select a.event, array_agg(d.rank order by d.id) as ranks
      from alert_deliveries d join alerts a on a.id = d.alert_id group by 1 order by 2`;
    expect(ranks).toEqual([
      { event: "change-waits", ranks: [1, 1] },
      { event: "token-created", ranks: [2, 2] },
      { event: "tick-failed", ranks: [3, 3] },
    ]);
  });
});

describe("migrations while processes of the version before still run", () => {
  const retries: string[] = [];
  const upgrade = () => migrateDatabase(database.url, migrationsFolder, (error) => retries.push(error));

  beforeEach(async () => {
    retries.length = 0;
    await migrateDatabase(database.url, await migrationsBefore("cheaper_invoices"));
  });

  it("statements that begin during a migration wait for its end, whichever tables they need first", async () => {
    const { sql } = database;
    // Keeps the migration from the index of the audit log, as a large one would.
    const reader = await holdTransaction(database, (held) => held`select from audit_log`);
    const upgrading = upgrade();
    await untilBlocked(database, 1);
    const statements = [sql`select from payment_runs, invoices`, sql`select from scheduler, audit_log, users`].map(
      async (statement) => (await statement).length,
    );
    await untilBlocked(database, 3);
    await reader.commit();
    await upgrading;
    expect(await Promise.all(statements)).toEqual([0, 0]);
    expect(retries).toEqual([]);
  });

  it("a migration that is the victim of a deadlock begins again", async () => {
    // This transaction takes the tables in another order, and leaves the search for deadlocks to the migration.
    const other = await holdTransaction(database, async (sql) => {
      await sql`set local deadlock_timeout = '1h'`;
      await sql`select from audit_log`;
    });
    const upgrading = upgrade();
    await untilBlocked(database, 1);
    await other.sql`select from users`;
    await other.commit();
    await upgrading;
    expect(retries).toEqual(["deadlock detected (SQLSTATE 40P01)"]);
    await expect(assertMigrated(database.db, migrationsFolder)).resolves.toBeUndefined();
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
