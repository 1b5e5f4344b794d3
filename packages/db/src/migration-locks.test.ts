import { readFile } from "node:fs/promises";
import path from "node:path";
import { migrationsFolder, repositoryRoot } from "@cpa-payouts/testing-servers";
import { expect, it } from "vitest";
import { migrationTags, testDatabase } from "./testing/index.ts";

const TABLES = ["users", "invoices"];
const STRONG = ["ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"];

/**
 * How long a lock is held depends on the machine and the rows, so the figures come from `npm run bench:migrations`. That a
 * migration takes one does not.
 */
it("docs/operations.md lists every migration that keeps others from writing to users or invoices", async () => {
  const database = await testDatabase({ empty: true });
  const sql = await database.sql.reserve();
  const locking: string[] = [];
  for (const tag of await migrationTags()) {
    const before = await sql`select from pg_tables where tablename = any(${TABLES})`;
    await sql`begin`;
    const statements = (await readFile(path.join(migrationsFolder, `${tag}.sql`), "utf8")).split(
      "--> statement-breakpoint",
    );
    for (const statement of statements) await sql.unsafe(statement);
    const held = await sql`
      select from pg_locks l join pg_class c on c.oid = l.relation
      where l.pid = pg_backend_pid() and l.mode = any(${STRONG}) and c.relname = any(${TABLES})`;
    await sql`commit`;
    if (before.length > 0 && held.length > 0) locking.push(tag);
  }
  sql.release();
  await database.close();
  const operations = await readFile(path.join(repositoryRoot, "docs", "operations.md"), "utf8");
  expect(locking.length).toBeGreaterThan(0);
  expect(locking.filter((tag) => !operations.includes(`| \`${tag}\` |`))).toEqual([]);
});
