// `npm run bench:migrations`: how long each migration takes with a million users, decisions and invoices, and which tables it
// locks against writing for how long.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { migrationsFolder, type Sql, withSql } from "@cpa-payouts/testing-servers";
import { createDatabase } from "./network.ts";
import { startPostgres } from "./servers.ts";
import { readOwnSizes } from "./sizes.ts";

const { invoices } = readOwnSizes("bench:migrations", { invoices: { usual: 1_000_000, most: 5_000_000 } });

/** The locks that keep statements out which change rows, with what they leave. The last one is the strongest. */
const lockModes = {
  ShareLock: "reads only",
  ShareRowExclusiveLock: "reads only",
  ExclusiveLock: "reads only",
  AccessExclusiveLock: "nothing",
} as const;
type LockMode = keyof typeof lockModes;
const modes = Object.keys(lockModes) as LockMode[];

interface Held {
  readonly table: string;
  readonly mode: LockMode;
}

/** Rows as the first version wrote them; the triggers of later ones do not exist yet. */
const HISTORY = [
  `insert into users (external_id, email, name, status, balance_cents, previous_invoices, invoice_count, joined_at, updated_at)
    select 'user-' || n, 'user-' || n || '@example.com', 'User ' || n, 'active', 0, 1, 1, now(), now() from generate_series(1, $1::int) n`,
  `insert into payment_methods (user_id, binance_email, status, created_at)
    select id, 'user-' || id || '@pay.example.com', 'approved', now() from users`,
  `insert into payment_runs (payment_date, kind, trigger, state, minimum_balance_cents, policy, opened_by, opened_at, completed_at)
    values ('2026-10-05', 'first-monday', 'schedule', 'completed', 10000, '{"timeZone": "UTC", "tickCron": "0 2 * * *"}', 'system',
      now(), now())`,
  `insert into run_decisions (run_id, user_id, decision, balance_cents, outcome) select 1, id, 'pay', 15000, 'open' from users`,
  `insert into invoices (number, user_id, run_id, payment_date, amount_cents, currency, destination, created_at)
    select 'INV-20261005-' || id, id, 1, '2026-10-05', 15000, 'USD', 'user-' || id || '@pay.example.com', now() from users`,
  `update run_decisions d set outcome = 'invoiced', invoice_id = i.id from invoices i where i.user_id = d.user_id`,
  `insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, actor, created_at)
    select id, 'credit', 15000, 'conversion-' || id, 'bench', now() from users`,
  `insert into ledger_entries (user_id, kind, amount_cents, invoice_id, actor, created_at)
    select user_id, 'invoice', -amount_cents, id, 'system', now() from invoices`,
  `insert into audit_log (at, actor, action, object) select now(), 'system', 'invoice.create', 'invoice:' || number from invoices`,
  `insert into audit_log (at, actor, action, object) select now(), 'bench', 'user.create', 'user:' || id from users`,
  `insert into scheduler (live_since, last_tick_at) values ('2026-09-22Z', now())`,
];

const server = await startPostgres();
try {
  const database = await createDatabase(server.url, "migrations");
  await withSql(database.url, measureAll);
} finally {
  await server.stop();
}

/** Applies the first migration, fills the tables, and measures each later one on the client's only connection. */
async function measureAll(sql: Sql): Promise<void> {
  const [first = "", ...later] = await readTags();
  for (const statement of await statementsOf(first)) await sql.unsafe(statement);
  for (const statement of HISTORY) await sql.unsafe(statement, statement.includes("$1") ? [invoices] : undefined);
  await sql`vacuum analyze`;
  await sql`checkpoint`;
  console.log(
    `migration                         seconds   table                 leaves       held for (${invoices} invoices)`,
  );
  for (const tag of later) await measure(sql, tag);
}

async function readTags(): Promise<string[]> {
  const journal = await readFile(path.join(migrationsFolder, "meta", "_journal.json"), "utf8");
  return (JSON.parse(journal) as { entries: { tag: string }[] }).entries.map(({ tag }) => tag);
}

async function statementsOf(tag: string): Promise<string[]> {
  return (await readFile(path.join(migrationsFolder, `${tag}.sql`), "utf8")).split("--> statement-breakpoint");
}

/** Applies a migration in one transaction, as the product does, and prints what it locked from which statement to the end. */
async function measure(sql: Sql, tag: string): Promise<void> {
  const since = new Map<string, { mode: LockMode; at: number }>();
  const tables = await readTables(sql);
  const begin = performance.now();
  await sql.unsafe("begin");
  for (const statement of await statementsOf(tag)) {
    const at = performance.now();
    await sql.unsafe(statement);
    for (const held of await readLocks(sql, tables)) note(since, held, at);
  }
  await sql.unsafe("commit");
  const end = performance.now();
  console.log(`${tag.padEnd(32)} ${seconds(end - begin)}`);
  for (const [table, { mode, at }] of since)
    console.log(`${" ".repeat(44)}${table.padEnd(21)} ${lockModes[mode].padEnd(12)} ${seconds(end - at)}`);
}

/** Keeps the strongest lock of a table, and since when it has had one at all. */
function note(since: Map<string, { mode: LockMode; at: number }>, { table, mode }: Held, at: number): void {
  const known = since.get(table);
  if (!known) since.set(table, { mode, at });
  else if (modes.indexOf(mode) > modes.indexOf(known.mode)) since.set(table, { mode, at: known.at });
}

/** The locks of this connection on some of the tables. */
function readLocks(sql: Sql, tables: readonly string[]): Promise<Held[]> {
  return sql<Held[]>`
    select c.relname as table, l.mode from pg_locks l join pg_class c on c.oid = l.relation
    where l.pid = pg_backend_pid() and l.granted and l.mode = any(${modes}) and c.relname = any(${[...tables]})
    order by c.relname`;
}

async function readTables(sql: Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`select tablename as name from pg_tables where schemaname = 'public'`;
  return rows.map(({ name }) => name);
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1).padStart(8);
}
