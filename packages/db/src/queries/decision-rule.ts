import type { PaymentKind } from "@cpa-payouts/core";
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
 * Returns the rule "Who is paid" (docs/architecture.md) as an SQL expression: null to pay, or the reason to skip. The
 * preview, the run's decisions and the check under the lock all use this one expression, so they cannot differ.
 */
export function skipReason(input: RuleInput): SQL {
  return sql`case
    when ${input.status} <> 'active' then 'inactive'
    when ${input.balanceCents} < ${input.minimumBalanceCents} then 'below-minimum'
    when ${input.approvedMethod} is null then 'no-approved-method'
    when ${input.coolingOffDays} > 0 and ${changedRecently(input)} then 'method-in-cooling-off'
    when ${input.kind} = 'mid-month' and ${input.earlierInvoices} = 0 then 'first-time-waits'
  end`;
}

/** Whether the approved address replaced an earlier one within the cooling-off; a first address is no change. */
function changedRecently({ userId, coolingOffDays, since }: RuleInput): SQL {
  return sql`exists (
    select from payment_methods now_approved
    where now_approved.user_id = ${userId} and now_approved.status = 'approved'
      and now_approved.created_at > ${since} - make_interval(days => ${coolingOffDays})
      and exists (select from payment_methods before where before.user_id = now_approved.user_id and before.id < now_approved.id))`;
}
