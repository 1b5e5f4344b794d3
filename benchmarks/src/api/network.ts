import {
  advanceFanOut,
  completeRun,
  connect,
  createInvoices,
  type Db,
  decideChunk,
  getRun,
  openRun,
  type PaymentRun,
  recordInvoiceReview,
} from "@cpa-payouts/db";
import { testPolicy } from "@cpa-payouts/db/testing";
import { type BenchDatabase, createNetwork } from "../network.ts";

/** The payment dates of the history; every run pays all users who qualify. */
const DATES = [
  { date: "2026-09-07", kind: "first-monday" },
  { date: "2026-09-21", kind: "mid-month" },
  { date: "2026-10-05", kind: "first-monday" },
  { date: "2026-10-19", kind: "mid-month" },
  { date: "2026-11-02", kind: "first-monday" },
] as const;

/** Users decided by one statement. */
const CHUNK = 5_000;
/** Invoices created by one statement, and the time until the next: they have one instant, by which the audit log finds them. */
const BATCH = { invoices: 500, ms: 50 };

/**
 * Creates a network with a history: five runs that paid all users who qualify, made by the product's statements. Nearly all
 * invoices of the first four runs are reviewed, none of the last.
 *
 * @param onRun called after each run, with its payment date and the seconds that it took
 */
export async function createHistory(
  serverUrl: string,
  users: number,
  onRun: (date: string, seconds: number) => void,
): Promise<BenchDatabase> {
  const database = await createNetwork(serverUrl, "history", users);
  await database.execute(DIVERSITY);
  // An import writes the names with the users: the updates above would otherwise leave twice the pages to read.
  await database.execute("vacuum full users");
  const { db, close } = connect({ url: database.url, max: 2, steadyPlans: true, statementTimeoutMs: 0 });
  for (const date of DATES) {
    const start = performance.now();
    const run = await payAll(db, date, users);
    if (date !== DATES.at(-1)) await reviewNearlyAll(db, run);
    await database.execute(EARN_AGAIN);
    await database.execute("vacuum analyze");
    onRun(date.date, (performance.now() - start) / 1_000);
  }
  await close();
  return database;
}

/** Names to search for; some users suspended, some payment methods pending, rejected or shared. */
const DIVERSITY = `
  update users set name = (array['Ada','Ben','Cyd','Dan','Eve','Fay','Gus','Hal'])[1 + id % 8] || ' ' || id;
  update users set status = 'suspended' where id % 997 = 0;
  update payment_methods set status = 'pending', reviewed_by = null, reviewed_at = null where user_id % 499 = 0;
  update payment_methods set status = 'rejected', reason = 'bounced' where user_id % 991 = 0;
  update payment_methods set binance_email = 'shared@pay.example.com' where user_id % 4999 = 0;`;

/** New earnings for all users at once, as conversions would bring. */
const EARN_AGAIN = `
  with entry as (
    insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
    select id, 'adjustment', 15000 + id % 1000, 'earned', 'bench', now() from users where balance_cents < 10000
    returning user_id, amount_cents
  )
  update users u set balance_cents = u.balance_cents + e.amount_cents from entry e where e.user_id = u.id`;

async function payAll(db: Db, date: (typeof DATES)[number], users: number): Promise<PaymentRun> {
  const now = new Date(`${date.date}T02:00:00Z`);
  const { run } = await openRun(db, { date, trigger: "schedule", policy: testPolicy, actor: "bench", now });
  for (;;) if ((await decideChunk(db, { runId: run.id, limit: CHUNK, now })).finished) break;
  for (let from = 0; from < users; from += BATCH.invoices) {
    const userIds = Array.from({ length: Math.min(BATCH.invoices, users - from) }, (_, index) => from + index + 1);
    const at = new Date(now.getTime() + (from / BATCH.invoices) * BATCH.ms);
    await createInvoices(db, { runId: run.id, userIds, now: at });
  }
  await advanceFanOut(db, { runId: run.id, fanOutRound: 0, cursor: users, finished: true, now });
  await completeRun(db, await getRun(db, run.id), now);
  return run;
}

async function reviewNearlyAll(db: Db, { paymentDate }: PaymentRun): Promise<void> {
  const audit = { actor: "bench@example.com", isProgram: false, now: new Date(`${paymentDate}T12:00:00Z`) };
  const rejected = { paymentDate, maximumAmountCents: 150_05n };
  const to = { status: "rejected", reason: "bounced", disposition: "return" } as const;
  await recordInvoiceReview(db, { ...audit, selection: { filter: rejected }, to });
  const paid = { paymentDate, maximumAmountCents: 159_90n };
  await recordInvoiceReview(db, { ...audit, selection: { filter: paid }, to: { status: "paid" } });
}
