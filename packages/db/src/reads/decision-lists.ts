import type { Decision, Outcome, SkipReason } from "@cpa-payouts/core";
import { and, asc, desc, eq, gt, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import type { DecisionTotals } from "../queries/decisions.ts";
import { invoices, paymentRuns, runDecisions, users } from "../schema/index.ts";
import { arrayParam, rowsOf } from "../sql.ts";

/** The totals of a run so far. */
export async function totalsOfRun(db: Db, runId: number): Promise<DecisionTotals> {
  const totals = await totalsOfRuns(db, [runId]);
  return totals.get(runId) ?? noDecisions;
}

/** The totals of a run that has decided nothing yet. */
export const noDecisions: DecisionTotals = {
  considered: 0,
  open: 0,
  invoiced: 0,
  failed: 0,
  skipped: {},
  totalCents: 0n,
};

/** The totals of several runs so far, by run id, read from the tallies. A run that has decided nothing yet is absent. */
export async function totalsOfRuns(db: Db, runIds: readonly number[]): Promise<ReadonlyMap<number, DecisionTotals>> {
  const rows = await rowsOf<{
    run_id: bigint;
    outcome: Outcome;
    reason: SkipReason | null;
    users: number;
    total: bigint;
  }>(
    db,
    sql`
    select run_id, outcome, reason, sum(users)::int as users,
      (select coalesce(sum(i.amount_cents), 0)::bigint from invoice_tallies i where i.run_id = d.run_id) as total
    from decision_tallies d where run_id = any(${arrayParam(runIds, "bigint")})
    group by run_id, outcome, reason having sum(users) <> 0`,
  );
  const totals = new Map<number, DecisionTotals>();
  for (const { run_id, outcome, reason, users, total } of rows) {
    const { considered, skipped, ...others } = totals.get(Number(run_id)) ?? { ...noDecisions, totalCents: total };
    const counted = outcome === "skipped" ? {} : { [outcome]: users };
    const skippedFor = reason ? { ...skipped, [reason]: users } : skipped;
    totals.set(Number(run_id), { ...others, ...counted, considered: considered + users, skipped: skippedFor });
  }
  return totals;
}

export interface FailedDecision {
  readonly externalId: string;
  readonly balanceCents: bigint;
  readonly error: string;
}

/** The users of a run whose job gave up, each with the error, in key order. */
export async function listFailures(db: Db, runId: number): Promise<FailedDecision[]> {
  const rows = await db
    .select({ externalId: users.externalId, balanceCents: runDecisions.balanceCents, error: runDecisions.error })
    .from(runDecisions)
    .innerJoin(users, eq(users.id, runDecisions.userId))
    .where(and(eq(runDecisions.runId, runId), eq(runDecisions.outcome, "failed")))
    .orderBy(asc(runDecisions.userId));
  return rows.map((row) => ({ ...row, error: row.error ?? "" }));
}

export interface StoredDecision {
  readonly paymentDate: string;
  readonly decision: Decision;
  readonly reason: SkipReason | null;
  readonly balanceCents: bigint;
  readonly minimumBalanceCents: bigint;
  readonly outcome: Outcome;
  readonly error: string | null;
  readonly invoiceNumber: string | null;
  readonly invoiceAmountCents: bigint | null;
  readonly invoiceStatus: string | null;
}

/** The decision about a user on a payment date, or in the latest run that considered them; null if there is none. */
export async function findDecision(db: Db, userId: number, paymentDate?: string): Promise<StoredDecision | null> {
  const [row] = await storedDecisions(db, userId, paymentDate).orderBy(desc(paymentRuns.paymentDate)).limit(1);
  return row ?? null;
}

/** The decisions of all runs about a user, latest payment date first. */
export async function listUserDecisions(db: Db, userId: number, limit: number): Promise<StoredDecision[]> {
  return storedDecisions(db, userId).orderBy(desc(paymentRuns.paymentDate)).limit(limit);
}

function storedDecisions(db: Db, userId: number, paymentDate?: string) {
  return db
    .select({
      paymentDate: paymentRuns.paymentDate,
      decision: runDecisions.decision,
      reason: runDecisions.reason,
      balanceCents: runDecisions.balanceCents,
      minimumBalanceCents: paymentRuns.minimumBalanceCents,
      outcome: runDecisions.outcome,
      error: runDecisions.error,
      invoiceNumber: invoices.number,
      invoiceAmountCents: invoices.amountCents,
      invoiceStatus: invoices.status,
    })
    .from(paymentRuns)
    .innerJoin(runDecisions, and(eq(runDecisions.runId, paymentRuns.id), eq(runDecisions.userId, userId)))
    .leftJoin(invoices, eq(invoices.id, runDecisions.invoiceId))
    .where(paymentDate === undefined ? undefined : eq(paymentRuns.paymentDate, paymentDate))
    .$dynamic();
}

export interface DecisionFilter {
  readonly outcome?: Outcome;
  readonly reason?: SkipReason;
}

export interface DecisionListing {
  readonly userId: number;
  readonly externalId: string;
  readonly name: string;
  readonly decision: Decision;
  readonly reason: SkipReason | null;
  readonly balanceCents: bigint;
  readonly outcome: Outcome;
  readonly error: string | null;
  readonly invoiceNumber: string | null;
}

/** A page of a run's decisions, in key order of the users; `afterUserId` is the `userId` of the previous page's last row. */
export async function listDecisions(
  db: Db,
  runId: number,
  { outcome, reason }: DecisionFilter,
  page: { afterUserId: number; limit: number },
): Promise<DecisionListing[]> {
  const rows = await db
    .select({
      userId: runDecisions.userId,
      externalId: users.externalId,
      name: users.name,
      decision: runDecisions.decision,
      reason: runDecisions.reason,
      balanceCents: runDecisions.balanceCents,
      outcome: runDecisions.outcome,
      error: runDecisions.error,
      invoiceNumber: invoices.number,
    })
    .from(runDecisions)
    .innerJoin(users, eq(users.id, runDecisions.userId))
    .leftJoin(invoices, eq(invoices.id, runDecisions.invoiceId))
    .where(
      and(
        eq(runDecisions.runId, runId),
        gt(runDecisions.userId, page.afterUserId),
        outcome || reason ? outcomeCondition(reason ? "skipped" : outcome) : undefined,
        reason ? eq(runDecisions.reason, reason) : undefined,
        reason && outcome && outcome !== "skipped" ? sql`false` : undefined,
      ),
    )
    .orderBy(asc(runDecisions.userId))
    .limit(page.limit);
  return rows;
}

/** The outcome is a literal instead of a parameter, because only then do the partial indexes of the outcomes serve. */
function outcomeCondition(outcome: Outcome | undefined) {
  return outcome === undefined ? undefined : sql`${runDecisions.outcome} = ${sql.raw(`'${outcome}'`)}`;
}
