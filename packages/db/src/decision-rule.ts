import { type PaymentKind, type RuleReason, ruleReasons } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";

/** The SQL expressions that the rule reads; `approvedMethod` is null for a user without an approved method. */
export interface RuleInput {
  readonly status: SQL;
  readonly balanceCents: SQL;
  readonly approvedMethod: SQL;
  readonly earlierInvoices: SQL;
  readonly kind: SQL | PaymentKind;
  readonly minimumBalanceCents: SQL | bigint;
  readonly userId: SQL;
  readonly coolingOffDays: SQL;
  /** The instant from which the days of the cooling-off are counted back. */
  readonly since: SQL;
}

/**
 * The rule "Who is paid" (docs/architecture.md): for each reason to skip, the SQL condition under which it applies.
 * {@link ruleReasons} has the order of the tests. Everything that asks the rule is made from this record, so a preview, a
 * run's decisions, the check under the lock and the list of what a user is missing cannot differ.
 */
const conditions: Readonly<Record<RuleReason, (input: RuleInput) => SQL>> = {
  inactive: ({ status }) => sql`${status} <> 'active'`,
  "below-minimum": ({ balanceCents, minimumBalanceCents }) => sql`${balanceCents} < ${minimumBalanceCents}`,
  "no-approved-method": ({ approvedMethod }) => sql`${approvedMethod} is null`,
  "method-in-cooling-off": (input) => sql`${input.coolingOffDays} > 0 and ${changedRecently(input)}`,
  "first-time-waits": ({ kind, earlierInvoices }) => sql`${kind} = 'mid-month' and ${earlierInvoices} = 0`,
};

/** The first reason to skip that applies, as an SQL expression of type text: null for a user to pay. */
export function skipReason(input: RuleInput): SQL {
  return sql`case
    ${sql.join(whenClauses(input), sql`\n    `)}
  end`;
}

/** All reasons to skip that apply, as an SQL expression of type text[], in the order of the tests: empty for a user to pay. */
export function skipReasonsOf(input: RuleInput): SQL {
  const cases = whenClauses(input).map((clause) => sql`case ${clause} end`);
  return sql`array_remove(array[${sql.join(cases, sql`, `)}], null)`;
}

function whenClauses(input: RuleInput): SQL[] {
  return ruleReasons.map((reason) => sql`when ${conditions[reason](input)} then ${sql.raw(`'${reason}'`)}`);
}

/** Whether the approved method replaced an earlier one within the cooling-off; a first method is no change. */
function changedRecently({ userId, coolingOffDays, since }: RuleInput): SQL {
  return sql`exists (
    select from payment_methods now_approved
    where now_approved.user_id = ${userId} and now_approved.status = 'approved'
      and now_approved.created_at > ${since} - make_interval(days => ${coolingOffDays})
      and exists (select from payment_methods before where before.user_id = now_approved.user_id and before.id < now_approved.id))`;
}

/** Which users `u` a run considers: those who are owed something. */
export const isConsidered = sql`u.balance_cents > 0`;

/**
 * What the rule reads of a user, for a statement that calls the table of users `u`. The method is read by a scalar
 * subquery, which always looks it up by key; for a join the planner may read all methods for every chunk.
 */
export const userColumns = {
  status: sql`u.status`,
  balanceCents: sql`u.balance_cents`,
  approvedMethod: sql`(select m.id from payment_methods m where m.user_id = u.id and m.status = 'approved')`,
  earlierInvoices: sql`u.previous_invoices + u.invoice_count`,
  userId: sql`u.id`,
};

/** The first reason to skip a user `u` in a run, for a statement that has that run's columns in a CTE named `run`. */
export const decideReason = skipReason({
  ...userColumns,
  kind: sql`(select kind from run)`,
  minimumBalanceCents: sql`(select minimum_balance_cents from run)`,
  coolingOffDays: sql`(select cooling_off_days from run)`,
  since: sql`(select opened_at from run)`,
});
