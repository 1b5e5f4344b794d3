import type { PaymentRun } from "@cpa-payouts/db";
import { importNetwork, type TestDatabase } from "@cpa-payouts/db/testing";
import { followRun, startRun, summarizeRun, verify } from "@cpa-payouts/pipeline";
import type { TestFlow } from "@cpa-payouts/pipeline/testing";
import { expect } from "vitest";

/** The payment date of the fault tests, and an instant at which it is due. */
export const DATE = { date: "2026-12-07", kind: "first-monday" } as const;
export const DUE = "2026-12-07T02:00:00Z";

/** What each user of {@link openDueRun} is owed at first. */
const OPENING_CENTS = 150_00n;

/** Imports users who are all to be paid, and opens the run of {@link DATE}; no worker is started. */
export async function openDueRun(flow: TestFlow, users: number): Promise<PaymentRun> {
  await importUsers(flow, users);
  return startRun(flow.ctx, { date: DATE, trigger: "manual", actor: "test" });
}

/** Imports users who are all to be paid. */
export async function importUsers(flow: TestFlow, users: number): Promise<void> {
  await importNetwork(
    flow.ctx,
    Array.from({ length: users }, (_, index) => ({ externalId: `u${index}` })),
  );
}

/**
 * The state of runs, for `watched`: their states, cursors and outcomes, and the jobs in the queue. A scenario in which
 * none of them changes stands still.
 */
export async function progressOf({ ctx, database }: TestFlow): Promise<object> {
  const runs = await database.sql`
    select r.payment_date::text, r.state, r.decide_cursor, r.fan_out_cursor, d.outcome, count(d.user_id) as users
    from payment_runs r left join run_decisions d on d.run_id = r.id
    group by r.id, d.outcome order by r.id, d.outcome`;
  const jobs = await ctx.queues.bullmq.invoices.getJobCounts("waiting", "active", "delayed", "completed", "failed");
  return { runs: runs.map((row) => Object.values(row).join(" ")), jobs };
}

/**
 * Waits for the end of a run of users who were all to be paid. Whatever happened on the way, each has exactly one
 * invoice, and what was ever credited is in balances and invoices to the cent.
 */
export async function expectPaidOnce(
  flow: TestFlow,
  run: { id: number },
  expected: { users: number; creditedCents?: bigint },
): Promise<void> {
  const { users, creditedCents = 0n } = expected;
  const finished = await followRun(flow.ctx, run.id, { onProgress: () => {} });
  expect(await summarizeRun(flow.ctx, finished)).toMatchObject({ state: "completed", invoiced: users, failed: 0 });
  const books = await readBooks(flow.database);
  expect(books).toMatchObject({ invoices: users, invoicedUsers: users });
  expect(books.balances + books.invoiced).toBe(OPENING_CENTS * BigInt(users) + creditedCents);
  expect(books.balances + books.invoiced).toBe(books.credited);
  expect(await verify(flow.ctx, flow.ctx.policy)).toEqual([]);
}

interface Books {
  readonly invoices: number;
  readonly invoicedUsers: number;
  readonly balances: bigint;
  readonly invoiced: bigint;
  readonly credited: bigint;
}

async function readBooks({ sql }: TestDatabase): Promise<Books> {
  const [books] = await sql<Books[]>`
    select count(*)::int as invoices, count(distinct user_id)::int as "invoicedUsers", sum(amount_cents)::bigint as invoiced,
      (select sum(balance_cents)::bigint from users) as balances,
      (select sum(amount_cents)::bigint from ledger_entries where amount_cents > 0) as credited
    from invoices`;
  if (!books) throw new Error("a sum without a row");
  return books;
}
