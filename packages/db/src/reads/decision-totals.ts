import { outcomeTransitions, type SkipReason, skipReasons, statesOf } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { count, id, nullable, oneOf, sumOfCents } from "../decoders.ts";
import { arrayParam, rowsOf } from "../sql.ts";

/** The decisions of a run: numbers of users by outcome, and the sum of the invoices in cents. */
export interface DecisionTotals {
  readonly considered: number;
  /** Still to be invoiced. */
  readonly open: number;
  readonly invoiced: number;
  readonly failed: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  readonly totalCents: bigint;
}

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
  const rows = await rowsOf(
    db,
    {
      runId: id,
      outcome: oneOf(statesOf(outcomeTransitions)),
      reason: nullable(oneOf(skipReasons)),
      users: count,
      totalCents: sumOfCents,
    },
    sql`
    select run_id, outcome, reason, sum(users)::bigint as users,
      (select coalesce(sum(i.amount_cents), 0) from invoice_tallies i where i.run_id = d.run_id) as total_cents
    from decision_tallies d where run_id = any(${arrayParam(runIds, "bigint")})
    group by run_id, outcome, reason having sum(users) <> 0`,
  );
  const totals = new Map<number, DecisionTotals>();
  for (const { runId, outcome, reason, users, totalCents } of rows) {
    const { considered, skipped, ...others } = totals.get(runId) ?? { ...noDecisions, totalCents };
    const counted = outcome === "skipped" ? {} : { [outcome]: users };
    const skippedFor = reason ? { ...skipped, [reason]: users } : skipped;
    totals.set(runId, { ...others, ...counted, considered: considered + users, skipped: skippedFor });
  }
  return totals;
}
