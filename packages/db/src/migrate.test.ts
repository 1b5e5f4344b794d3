import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrationsFolder } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assertMigrated, migrateDatabase, migrationState } from "./migrate.ts";
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
});
