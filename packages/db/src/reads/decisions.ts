import type { Decision, Outcome, SkipReason } from "@cpa-payouts/core";
import { and, asc, desc, eq, gt, lte, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { invoices, paymentRuns, runDecisions, users } from "../schema/index.ts";
import { arrayParam } from "../sql.ts";

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

/** The number of open decisions of a run, up to and including a user id if given. Scans an index of the open ones only. */
export async function countOpenDecisions(db: Db, runId: number, upToUserId?: number): Promise<number> {
  return db.$count(
    runDecisions,
    and(
      eq(runDecisions.runId, runId),
      eq(runDecisions.outcome, "open"),
      upToUserId === undefined ? undefined : lte(runDecisions.userId, upToUserId),
    ),
  );
}

/** A page of the ids of users whose decision is open, in key order: above `afterUserId`, up to and including `upToUserId`. */
export async function openDecisionsPage(
  db: Db,
  page: { runId: number; afterUserId: number; upToUserId?: number | undefined; limit: number },
): Promise<number[]> {
  const rows = await db
    .select({ userId: runDecisions.userId })
    .from(runDecisions)
    .where(
      and(
        eq(runDecisions.runId, page.runId),
        eq(runDecisions.outcome, "open"),
        gt(runDecisions.userId, page.afterUserId),
        page.upToUserId === undefined ? undefined : lte(runDecisions.userId, page.upToUserId),
      ),
    )
    .orderBy(asc(runDecisions.userId))
    .limit(page.limit);
  return rows.map(({ userId }) => userId);
}

export interface SettledDecision {
  readonly userId: number;
  readonly outcome: Outcome;
  readonly reason: SkipReason | null;
}

/** The outcomes of some users in a run. Users whom the run did not consider are absent. */
export async function findOutcomes(db: Db, runId: number, userIds: readonly number[]): Promise<SettledDecision[]> {
  return db
    .select({ userId: runDecisions.userId, outcome: runDecisions.outcome, reason: runDecisions.reason })
    .from(runDecisions)
    .where(and(eq(runDecisions.runId, runId), sql`${runDecisions.userId} = any(${arrayParam(userIds, "bigint")})`));
}
