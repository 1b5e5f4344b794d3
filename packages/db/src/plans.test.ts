import { eventually, recordingLog, testClock } from "@cpa-payouts/testing-servers";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, type Db, type DbConnection, writable } from "./client.ts";
import { isReviewOverdue, listOpenDeliveries } from "./reads/alerts.ts";
import { countOpenDecisions, openDecisionsPage } from "./reads/decisions.ts";
import { getRun } from "./reads/runs.ts";
import { advanceFanOut } from "./statements/advance-fan-out.ts";
import { completeRun } from "./statements/complete-run.ts";
import { countTries } from "./statements/count-tries.ts";
import { createInvoices } from "./statements/create-invoices.ts";
import { decideChunk } from "./statements/decide-chunk.ts";
import { forgetTries } from "./statements/forget-tries.ts";
import { pruneSignIns } from "./statements/prune-sign-ins.ts";
import { decidedRun, importNetwork, type TestDatabase, testDatabase } from "./testing/index.ts";

const USERS = 4_000;
const BATCH = 500;
const NOW = new Date("2026-12-21T02:00:00Z");
const clock = testClock(NOW.toISOString());
const log = recordingLog();

/** First Mondays of 2026: six, because PostgreSQL may keep one plan for a prepared statement after five executions. */
const EARLIER_DATES = ["2026-01-05", "2026-02-02", "2026-03-02", "2026-04-06", "2026-05-04", "2026-06-01"];
const DATE = "2026-12-21";

const TABLES = [
  "users",
  "ledger_entries",
  "payment_methods",
  "run_decisions",
  "invoices",
  "audit_log",
  "throttles",
  "alert_deliveries",
];

/** A run looks up each user's rows a few times. A plan that reads a whole table or index fetches hundreds of rows per user. */
const MOST_ROWS_PER_USER = 10;

let database: TestDatabase;
let worker: DbConnection;

beforeEach(async () => {
  database = await testDatabase();
  for (const table of TABLES) await database.sql.unsafe(`alter table ${table} set (autovacuum_enabled = off)`);
  worker = connect({ url: database.url, max: 1, applicationName: "worker", steadyPlans: true });
});

afterEach(async () => {
  await worker.close();
  await database.close();
});

/** Goal: the speed of a run does not depend on when PostgreSQL last analysed its tables. */
describe("plans of a run", () => {
  it("a run looks up rows by key even if the worker made its plans while the tables were empty", async () => {
    await database.sql`analyze`;
    for (const date of EARLIER_DATES) await playRun(worker.db, date);
    await by("importer", importUsers);
    const { invoiced, scanned, fetched } = await measured(DATE);
    expect(invoiced).toBe(USERS);
    expect(scanned).toEqual([]);
    expect(fetched).toEqual([]);
  });

  it("a run looks up rows by key even if the statistics only know an earlier run", async () => {
    await by("importer", async (db) => {
      await importUsers(db);
      await playRun(db, "2026-12-07");
      await creditAll(db);
    });
    await database.sql`analyze`;
    const { invoiced, scanned, fetched } = await measured(DATE);
    expect(invoiced).toBe(USERS);
    expect(scanned).toEqual([]);
    expect(fetched).toEqual([]);
  });

  it("a run looks up rows by key even if reading everything looks cheaper for a large batch", async () => {
    await by("importer", importUsers);
    const { invoiced, scanned, fetched } = await measured(DATE, () => database.sql`analyze`);
    expect(invoiced).toBe(USERS);
    expect(scanned).toEqual([]);
    expect(fetched).toEqual([]);
  });
});

describe("plans of a tick", () => {
  it("a tick finds by index whether a review is overdue, however many rows the audit log has", async () => {
    await by("importer", async (db) => {
      await importUsers(db);
      await playRun(db, DATE);
    });
    const later = new Date(NOW.getTime() + 1);
    const grown = await growth(async () => {
      expect(await isReviewOverdue(worker.db, NOW)).toBe(false);
      expect(await isReviewOverdue(worker.db, later)).toBe(true);
    });
    expect(grown.filter(({ scans, rows }) => scans > 0 || rows > 2)).toEqual([]);
  });
});

describe("plans of the deliveries that a tick queues", () => {
  const OPEN = 100_000;
  const LIMIT = 100;

  it("a tick reads no more deliveries than it queues, however many are open", async () => {
    await database.sql`
      with raised as (
        insert into alerts (key, event, raised_at) select 'tick-failed:' || n, 'tick-failed', now() from generate_series(1, ${OPEN / 2}) n returning id
      )
      insert into alert_deliveries (alert_id, channel, attempts, rank)
      select id, channel, id % 3, 1 + id % 3 from raised, unnest(array['webhook', 'email']) channel`;
    const groups = 6;
    const grown = await growth(async () => {
      for (let round = 0; round < 7; round++) {
        const found = await listOpenDeliveries(worker.db, ["webhook", "email"], LIMIT);
        expect(found).toHaveLength(groups * LIMIT);
        const ranks = found.map(({ rank }) => rank);
        expect(ranks).toEqual(ranks.toSorted((one, other) => one - other));
      }
    });
    expect(grown.filter(({ scans, rows }) => scans > 0 || rows > 7 * groups * LIMIT)).toEqual([]);
  });
});

describe("plans of a sign-in", () => {
  const FLOOD = 100_000;
  const HOUR_MS = 3_600_000;

  /** Counts of a guesser with many addresses, half of which have expired. */
  async function flood() {
    await database.sql`
      insert into throttles (key, tries, window_ends_at)
      select 'network ' || i, 1, ${NOW.toISOString()}::timestamptz + (i % 2) * interval '1 hour' from generate_series(1, ${FLOOD}) i`;
  }

  it("a sign-in reads only its own counts, however many others there are", async () => {
    await worker.close();
    worker = connect({ url: database.url, max: 1, applicationName: "worker" });
    const counters = ["pair", "network mine", "account"].map((key) => ({
      key,
      account: null,
      limit: 9,
      windowMs: HOUR_MS,
    }));
    await countTries(worker.db, counters, NOW);
    await flood();
    const grown = await growth(async () => {
      for (let round = 0; round < 8; round++) expect(await countTries(worker.db, counters, NOW)).toBeNull();
      expect(await countTries(worker.db, counters, NOW)).not.toBeNull();
      await forgetTries(worker.db, ["pair"]);
    });
    expect(grown.filter(({ scans, rows }) => scans > 0 || rows > 100)).toEqual([]);
  });

  it("a tick deletes a bounded number of expired counts, and reads no others", async () => {
    await flood();
    const limit = 1_000;
    const grown = await growth(async () => pruneSignIns(worker.db, { now: NOW, limit }));
    expect(grown.filter(({ scans, rows }) => scans > 0 || rows > 3 * limit)).toEqual([]);
    const [left] = await database.sql`select count(*)::int as counts from throttles`;
    expect(left?.counts).toBe(FLOOD - limit);
  });
});

async function importUsers(db: Db): Promise<void> {
  const users = Array.from({ length: USERS }, (_, index) => ({ externalId: `u${index}` }));
  await importNetwork({ db, clock, log }, users);
}

/** What a credit of $200.00 to each user leaves in the tables; thousands of single ones would take longer than the rest. */
async function creditAll(db: Db): Promise<void> {
  await writable(db).execute(sql`
    with entry as (
      insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, key_owner, actor, created_at)
      select id, 'credit', 200_00, 'conversion-' || external_id, 'token:1', 'tracker', ${NOW.toISOString()} from users
      returning user_id, amount_cents, idempotency_key
    ), changed as (
      update users u set balance_cents = u.balance_cents + e.amount_cents, updated_at = ${NOW.toISOString()}
      from entry e where u.id = e.user_id
      returning u.id, u.balance_cents, e.idempotency_key
    )
    insert into audit_log (at, actor, action, object, before, after)
    select ${NOW.toISOString()}, 'tracker', 'user.credit', 'user:' || id,
      jsonb_build_object('balanceCents', (balance_cents - 200_00)::text),
      jsonb_build_object('balanceCents', balance_cents::text, 'key', idempotency_key)
    from changed`);
}

/** Executes the statements of a run in their order, each at least once. Returns the number of invoices created. */
async function playRun(db: Db, date: string, onDecided: () => Promise<unknown> = async () => {}): Promise<number> {
  const { id: runId } = await decidedRun({ db, clock, log }, date);
  await onDecided();
  await decideChunk(db, { runId, limit: BATCH, now: NOW });
  await advanceFanOut(db, { runId, fanOutRound: 0, cursor: 0, finished: true, now: NOW });
  let invoiced = 0;
  let userIds: readonly number[];
  do {
    userIds = await openDecisionsPage(db, { runId, afterUserId: 0, limit: BATCH });
    const created = await createInvoices(db, { runId, userIds, now: NOW });
    invoiced += created.length;
  } while (userIds.length > 0);
  expect(await countOpenDecisions(db, runId)).toBe(0);
  expect(await completeRun(db, await getRun(db, runId), NOW)).toBe(true);
  return invoiced;
}

/** Plays a run on the worker's connection. Returns the tables it scanned, and those from which it fetched too many rows. */
async function measured(date: string, onDecided?: () => Promise<unknown>) {
  let invoiced = 0;
  const grown = await growth(async () => {
    invoiced = await playRun(worker.db, date, onDecided);
  });
  return {
    invoiced,
    scanned: grown.filter(({ scans }) => scans > 0),
    fetched: grown.filter(({ rows }) => rows > MOST_ROWS_PER_USER * USERS),
  };
}

/** Counts how `work` accesses the tables on the worker's connection, which it then closes. */
async function growth(work: () => Promise<void>) {
  const before = await accesses();
  await work();
  await worker.close();
  await untilGone("worker");
  const after = await accesses();
  return after.map((now, index) => ({
    table: now.table,
    scans: now.scans - (before[index]?.scans ?? 0),
    rows: now.rows - (before[index]?.rows ?? 0),
  }));
}

/** The table accesses of all connections so far; a connection reports its own at the latest when it ends. */
async function accesses() {
  return database.sql<{ table: string; scans: number; rows: number }[]>`
    select relname as table, seq_scan::int as scans, (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
    from pg_stat_user_tables where relname = any(${TABLES}) order by relname`;
}

/** Runs `work` on a separate connection, and returns when the accesses of that connection are counted. */
async function by(applicationName: string, work: (db: Db) => Promise<void>): Promise<void> {
  const connection = connect({ url: database.url, max: 1, applicationName });
  await work(connection.db);
  await connection.close();
  await untilGone(applicationName);
}

async function untilGone(applicationName: string): Promise<void> {
  await eventually(async () => {
    const found = await database.sql`select from pg_stat_activity where application_name = ${applicationName}`;
    return found.length === 0;
  });
}
