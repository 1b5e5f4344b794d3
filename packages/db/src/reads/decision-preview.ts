import { type PaymentDate, type RuleReason, ruleReasons } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { decideReason, isConsidered, skipReasonsOf, userColumns } from "../decision-rule.ts";
import { arrayOf, count, nullable, oneOf, sumOfCents } from "../decoders.ts";
import { instantParam, rowOf, rowsOf } from "../sql.ts";
import type { DecisionTotals } from "./decision-totals.ts";

/**
 * The totals that a run of a date would have if it decided now, by the run's own rule. `invoiced` counts the users to be
 * paid, `totalCents` is their sum. Writes nothing.
 */
export async function previewDecisions(
  db: Db,
  { date, minimumBalanceCents, now }: { date: PaymentDate; minimumBalanceCents: bigint; now: Date },
): Promise<DecisionTotals> {
  const rows = await rowsOf(
    db,
    { reason: nullable(oneOf(ruleReasons)), users: count, balanceCents: sumOfCents },
    sql`
    with run as (
      select ${date.kind}::text as kind, ${minimumBalanceCents}::bigint as minimum_balance_cents, cooling_off_days,
        ${instantParam(now)} as opened_at
      from settings
    ),
    judged as (
      select u.balance_cents, ${decideReason} as reason
      from users u
      where ${isConsidered}
    )
    select reason, count(*) as users, sum(balance_cents) as balance_cents from judged group by reason`,
  );
  const paid = rows.find(({ reason }) => reason === null);
  return {
    considered: rows.reduce((sum, row) => sum + row.users, 0),
    open: 0,
    invoiced: paid?.users ?? 0,
    failed: 0,
    skipped: Object.fromEntries(rows.flatMap(({ reason, users }) => (reason ? [[reason, users]] : []))),
    totalCents: paid?.balanceCents ?? 0n,
  };
}

/**
 * All reasons for which a run would skip a user, whatever the balance, by the run's own rule. A decision stores only the
 * first of them. Writes nothing.
 *
 * @returns the reasons in the order in which a run tests them; empty for a user to pay
 * @throws Error for an unknown user
 */
export async function findSkipReasons(
  db: Db,
  run: {
    readonly userId: number;
    readonly kind: PaymentDate["kind"];
    readonly minimumBalanceCents: bigint;
    readonly coolingOffDays: number;
    /** The instant from which the days of the cooling-off are counted back: when the run is opened. */
    readonly since: Date;
  },
): Promise<readonly RuleReason[]> {
  const reasons = skipReasonsOf({
    ...userColumns,
    kind: sql`${run.kind}::text`,
    minimumBalanceCents: sql`${run.minimumBalanceCents}::bigint`,
    coolingOffDays: sql`${run.coolingOffDays}::int`,
    since: instantParam(run.since),
  });
  const row = await rowOf(
    db,
    { reasons: arrayOf(oneOf(ruleReasons)) },
    sql`select ${reasons} as reasons from users u where u.id = ${run.userId}`,
  );
  return row.reasons;
}
