import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ConnectOptions, connect } from "./client.ts";
import { arrayOf, cents, integer, text } from "./decoders.ts";
import { migrateDatabase } from "./migrate.ts";
import { arrayParam, rowOf, rowsOf } from "./sql.ts";
import { type TestDatabase, testDatabase } from "./testing/index.ts";

/** Goal: without a pooler the settings of the connection apply, not those that its role has for pooled connections. */
describe("settings of a connection", () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase();
    for (const setting of [
      "statement_timeout = '1s'",
      "lock_timeout = '2s'",
      "enable_seqscan = off",
      "enable_hashjoin = off",
      "datestyle = 'German'",
      "timezone = 'Europe/Amsterdam'",
    ])
      await database.sql.unsafe(`alter role current_user in database ${database.sql.database} set ${setting}`);
  });

  afterAll(() => database.close());

  const settings = async (options: Partial<ConnectOptions>) => {
    const { db, close } = connect({ url: database.url, max: 1, applicationName: "payouts-test", ...options });
    const names = [
      "application_name",
      "statement_timeout",
      "lock_timeout",
      "DateStyle",
      "TimeZone",
      "plan_cache_mode",
      "max_parallel_workers_per_gather",
      "enable_seqscan",
      "enable_hashjoin",
      "enable_mergejoin",
      "jit",
    ];
    const rows = await rowsOf(
      db,
      { name: text, setting: text },
      sql`select name, setting from pg_settings where name = any(${arrayParam(names, "text")})`,
    );
    const { prepared } = await rowOf(
      db,
      { prepared: integer },
      sql`select count(*)::int as prepared from pg_prepared_statements where statement like 'select name, setting%'`,
    );
    await close();
    return { prepared, ...Object.fromEntries(rows.map(({ name, setting }) => [name, setting])) };
  };

  it.each<[string, Partial<ConnectOptions>, object]>([
    [
      "a connection has settings of its own, not those of its role",
      {},
      {
        statement_timeout: "300000",
        lock_timeout: "60000",
        DateStyle: "ISO, MDY",
        TimeZone: "UTC",
        plan_cache_mode: "force_custom_plan",
        enable_seqscan: "on",
        enable_hashjoin: "on",
        jit: "on",
        prepared: 1,
      },
    ],
    [
      "a shared connection runs each statement on one core",
      { isShared: true },
      { max_parallel_workers_per_gather: "0", jit: "off", enable_seqscan: "on" },
    ],
    ["a connection may have no timeout", { statementTimeoutMs: 0 }, { statement_timeout: "0", enable_seqscan: "on" }],
    [
      "a connection with steady plans avoids scans, hash joins and merge joins",
      { steadyPlans: true },
      {
        plan_cache_mode: "force_custom_plan",
        enable_seqscan: "off",
        enable_hashjoin: "off",
        enable_mergejoin: "off",
        jit: "off",
      },
    ],
    [
      "a pooled connection has the settings of its role and prepares no statement",
      { isPooled: true, statementTimeoutMs: 0, steadyPlans: true },
      { statement_timeout: "1000", lock_timeout: "2000", enable_seqscan: "off", jit: "on", prepared: 0 },
    ],
  ])("%s", async (_name, options, expected) => {
    expect(await settings(options)).toMatchObject({ application_name: "payouts-test", ...expected });
  });

  it("a migration may take longer than the statement timeout of its role", async () => {
    await database.sql`drop schema drizzle cascade`;
    const folder = await mkdtemp(path.join(tmpdir(), "payouts-migrations-"));
    await mkdir(path.join(folder, "meta"));
    const journal = { entries: [{ idx: 0, version: "7", when: 1, tag: "slow", breakpoints: true }] };
    await writeFile(path.join(folder, "meta", "_journal.json"), JSON.stringify(journal));
    await writeFile(path.join(folder, "slow.sql"), "select pg_sleep(1.5);");
    await migrateDatabase(database.url, folder);
    await rm(folder, { recursive: true });
  });
});

/** Goal: the driver knows the array types in use without asking the server for them. */
describe("arrays", () => {
  it("texts and whole numbers arrive as they were sent, whatever characters they contain", async () => {
    const { db, close } = await testDatabase();
    const texts = [
      "plain",
      "",
      "with, comma",
      'with "quotes"',
      "back\\slash",
      "{braces}",
      "NULL",
      " spaces ",
      "\u00e9\n",
    ];
    const numbers = [0, -1, Number.MAX_SAFE_INTEGER];
    const row = await rowOf(
      db,
      { texts: arrayOf(text), numbers: arrayOf(cents), none: arrayOf(text) },
      sql`select ${arrayParam(texts, "text")} as texts, ${arrayParam(numbers, "bigint")} as numbers,
        ${arrayParam([], "text")} as none`,
    );
    await close();
    expect(row).toEqual({ texts, numbers: numbers.map(BigInt), none: [] });
  });
});
