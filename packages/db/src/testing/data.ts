import { CEILING_CENTS, type LocalDate, type Policy, paymentKindOf } from "@cpa-payouts/core";
import { type RecordingLog, recordingLog, type TestClock, testClock } from "@cpa-payouts/testing-servers";
import {
  advanceFanOut,
  type CreatedInvoice,
  createInvoices,
  type Db,
  decideChunk,
  getRun,
  openRun,
  type PaymentRun,
  recordFailure,
  schema,
} from "../index.ts";
import type { DataTestContext } from "./data-test-context.ts";
import { importNetwork, type TestUser } from "./network.ts";
import { type TestDatabase, testDatabase } from "./test-database.ts";

export const testPolicy: Policy = {
  schedule: { timeZone: "UTC", pattern: "0 2 * * *" },
  minimumBalanceCents: 100_00n,
  catchUpDays: 7,
};

export interface TestData {
  readonly ctx: DataTestContext;
  readonly database: TestDatabase;
  readonly clock: TestClock;
  readonly log: RecordingLog;
  close(): Promise<void>;
}

/** A database of its own with users in it, without any queue. */
export async function openTestData(options: { now?: string; users?: readonly TestUser[] } = {}): Promise<TestData> {
  const database = await testDatabase();
  const clock = testClock(options.now ?? "2026-12-07T02:00:00Z");
  const log = recordingLog();
  const ctx = { db: database.db, clock, log };
  if (options.users) await importNetwork(ctx, options.users);
  return { ctx, database, clock, log, close: database.close };
}

/** The run of a payment date, opened and with its decisions made, ready for its invoices. */
export async function decidedRun(
  ctx: DataTestContext,
  date: LocalDate,
  policy: Partial<Policy> = {},
): Promise<PaymentRun> {
  const kind = paymentKindOf(date);
  if (!kind) throw new Error(`${date} is not a payment date`);
  const { run } = await openRun(ctx.db, {
    date: { date, kind },
    trigger: "manual",
    policy: { ...testPolicy, ...policy },
    actor: "test",
    now: ctx.clock(),
  });
  await decideChunk(ctx.db, { runId: run.id, limit: 1_000_000, now: ctx.clock() });
  return run;
}

/** Adds active, returning users with an approved method, each of whom is owed as much as a balance may be. */
export async function usersAtCeiling({ sql }: TestDatabase, users: number): Promise<void> {
  await sql`
    with owed as (
      insert into users (external_id, email, status, balance_cents, previous_invoices, joined_at, updated_at)
      select 'rich-' || n, 'rich-' || n || '@example.com', 'active', ${CEILING_CENTS.toString()}::bigint, 1, now(), now()
      from generate_series(1, ${users}) n
      returning id, email, balance_cents
    ), method as (
      insert into payment_methods (user_id, binance_email, status, reviewed_by, reviewed_at, reason, created_at)
      select id, email, 'approved', 'test', now(), 'test', now() from owed
    )
    insert into ledger_entries (user_id, kind, amount_cents, actor, created_at)
    select id, 'credit', balance_cents, 'test', now() from owed`;
}

/** The ids of users by their external ids. */
export async function userIds(database: TestDatabase): Promise<Record<string, number>> {
  const rows = await database.sql<{ id: bigint; external_id: string }[]>`select id, external_id from users`;
  return Object.fromEntries(rows.map(({ id, external_id }) => [external_id, Number(id)]));
}

/** A decided run with all of its invoices. */
export async function invoicedRun(
  data: { ctx: DataTestContext; database: TestDatabase },
  date: LocalDate,
): Promise<{ run: PaymentRun; created: CreatedInvoice[] }> {
  const run = await decidedRun(data.ctx, date);
  return { run, created: await invoiceAll(data.ctx.db, run, data.ctx.clock()) };
}

/** A run in state `processing` of the first two users: user 1 is invoiced, and the job of user 2 has failed. */
export async function runWithFailure(ctx: DataTestContext): Promise<PaymentRun> {
  const now = ctx.clock();
  const { id: runId } = await decidedRun(ctx, "2026-12-07");
  await advanceFanOut(ctx.db, { runId, fanOutRound: 0, cursor: 2, finished: true, now });
  await createInvoices(ctx.db, { runId, userIds: [1], now });
  await recordFailure(ctx.db, { runId, userId: 2, error: "no luck", now });
  return getRun(ctx.db, runId);
}

async function invoiceAll(db: Db, run: PaymentRun, now: Date): Promise<CreatedInvoice[]> {
  const ids = await db.select({ id: schema.users.id }).from(schema.users);
  return createInvoices(db, { runId: run.id, userIds: ids.map(({ id }) => id), now });
}

/** A fingerprint of everything that is stored about money: equal if and only if no row differs in any column. */
export async function fingerprint({ sql }: TestDatabase): Promise<Record<string, string>> {
  const tables = [
    "users",
    "ledger_entries",
    "payment_methods",
    "payment_runs",
    "run_decisions",
    "invoices",
    "audit_log",
  ];
  const hashes = tables.map(async (table) => {
    const [row] = await sql.unsafe<{ hash: string }[]>(
      `select count(*) || ' rows ' || md5(coalesce(string_agg(t::text, e'\\n' order by t::text), '')) as hash from ${table} t`,
    );
    return [table, row?.hash ?? ""] as const;
  });
  return Object.fromEntries(await Promise.all(hashes));
}
