import { type RunState, unfinishedRunStates } from "@cpa-payouts/core";
import { and, desc, eq, gte, inArray, lt, or } from "drizzle-orm";
import type { Db } from "../client.ts";
import { paymentRuns } from "../schema/index.ts";

export type PaymentRun = typeof paymentRuns.$inferSelect;

/** The run of a payment date; null if there is none. */
export async function findRun(db: Db, paymentDate: string): Promise<PaymentRun | null> {
  const [run] = await db.select().from(paymentRuns).where(eq(paymentRuns.paymentDate, paymentDate));
  return run ?? null;
}

/**
 * Returns the run with an id.
 *
 * @throws Error when there is none; a job can only name such a run after the database was restored from a backup
 */
export async function getRun(db: Db, runId: number): Promise<PaymentRun> {
  const [run] = await db.select().from(paymentRuns).where(eq(paymentRuns.id, runId));
  if (!run) throw new Error(`there is no payment run ${runId}`);
  return run;
}

/** Runs, newest payment date first; `beforeDate` is the date of the previous page's last row. */
export async function listRuns(
  db: Db,
  filter: { state?: RunState; beforeDate?: string; limit?: number } = {},
): Promise<PaymentRun[]> {
  const query = db
    .select()
    .from(paymentRuns)
    .where(
      and(
        filter.state ? eq(paymentRuns.state, filter.state) : undefined,
        filter.beforeDate ? lt(paymentRuns.paymentDate, filter.beforeDate) : undefined,
      ),
    )
    .orderBy(desc(paymentRuns.paymentDate));
  return filter.limit === undefined ? query : query.limit(filter.limit);
}

/** Runs that still have work to do, oldest payment date first. */
export async function listUnfinishedRuns(db: Db): Promise<PaymentRun[]> {
  return db
    .select()
    .from(paymentRuns)
    .where(inArray(paymentRuns.state, [...unfinishedRunStates]))
    .orderBy(paymentRuns.paymentDate);
}

/** Runs that were completed or cancelled at or after an instant, oldest payment date first. */
export async function listRunsFinishedSince(db: Db, since: Date): Promise<PaymentRun[]> {
  return db
    .select()
    .from(paymentRuns)
    .where(or(gte(paymentRuns.completedAt, since), gte(paymentRuns.cancelledAt, since)))
    .orderBy(paymentRuns.paymentDate);
}

/** Those of the given payment dates that have a run, in any state. */
export async function datesWithRun(db: Db, dates: readonly string[]): Promise<ReadonlySet<string>> {
  if (dates.length === 0) return new Set();
  const rows = await db
    .select({ date: paymentRuns.paymentDate })
    .from(paymentRuns)
    .where(inArray(paymentRuns.paymentDate, [...dates]));
  return new Set(rows.map(({ date }) => date));
}
