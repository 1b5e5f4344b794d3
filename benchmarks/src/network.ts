import { connect, decideChunk, migrateDatabase, openRun } from "@cpa-payouts/db";
import { testPolicy } from "@cpa-payouts/db/testing";
import { databaseUrl, migrationsFolder, type Sql, withSql } from "@cpa-payouts/testing-servers";
import { PAYMENT_DATE } from "./jobs.ts";

/** A separate database, which `drop` removes. */
export interface BenchDatabase {
  readonly name: string;
  readonly url: string;
  execute(statements: string): Promise<void>;
  drop(): Promise<void>;
}

/** A network whose run is decided but not paid; laps use copies of it. */
export interface DecidedNetwork {
  readonly postgresUrl: string;
  readonly template: BenchDatabase;
  readonly runId: number;
}

/** Creates a database, empty or as a copy of `template`, which must have no connections. */
export async function createDatabase(serverUrl: string, name: string, template?: string): Promise<BenchDatabase> {
  await withSql(serverUrl, (sql) =>
    sql.unsafe(template ? `create database ${name} template ${template}` : `create database ${name}`),
  );
  const url = databaseUrl(serverUrl, name);
  return {
    name,
    url,
    execute: async (statements) => {
      await withSql(url, (sql) => sql.unsafe(statements));
    },
    drop: async () => {
      await withSql(serverUrl, (sql) => sql.unsafe(`drop database ${name} with (force)`));
    },
  };
}

/**
 * Creates a database with `users` users who all qualify for payment: active, owed $150.00 to $159.99, with an approved
 * payment method.
 */
export async function createNetwork(serverUrl: string, name: string, users: number): Promise<BenchDatabase> {
  const database = await createDatabase(serverUrl, name);
  await migrateDatabase(database.url, migrationsFolder);
  await withSql(database.url, async (sql) => {
    await sql`
      insert into users (external_id, email, status, balance_cents, previous_invoices, joined_at, updated_at)
      select 'user-' || n, 'user-' || n || '@example.com', 'active', 15000 + n % 1000, 1, now(), now()
      from generate_series(1, ${users}::int) n`;
    await sql`
      insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
      select id, 'credit', balance_cents, 'opening balance', 'bench', now() from users`;
    await sql`
      insert into payment_methods (user_id, binance_email, status, reviewed_by, reviewed_at, created_at)
      select id, 'user-' || id || '@pay.example.com', 'approved', 'bench', now(), now() from users`;
    await settleDown(sql);
  });
  return database;
}

/** Leaves the database as autovacuum would: with statistics only of the tables that have rows. */
async function settleDown(sql: Sql): Promise<void> {
  const tables = await sql<{ name: string }[]>`select relname as name from pg_stat_user_tables
    where schemaname = 'public' and n_live_tup > 0`;
  for (const { name } of tables) await sql.unsafe(`vacuum analyze ${name}`);
  await sql`checkpoint`;
}

/** Creates a network, opens the run of {@link PAYMENT_DATE} and decides it; only its invoices are left to create. */
export async function createDecidedNetwork(postgresUrl: string, name: string, users: number): Promise<DecidedNetwork> {
  const template = await createNetwork(postgresUrl, name, users);
  return { postgresUrl, template, runId: await decide(template) };
}

async function decide(database: BenchDatabase): Promise<number> {
  const { db, close } = connect({ url: database.url, max: 1 });
  const now = new Date();
  const { run } = await openRun(db, { date: PAYMENT_DATE, trigger: "manual", policy: testPolicy, actor: "bench", now });
  for (;;) {
    const { finished } = await decideChunk(db, { runId: run.id, limit: 5_000, now });
    if (finished) break;
  }
  await close();
  await withSql(database.url, settleDown);
  return run.id;
}
