import type { PaymentKind } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";

/** The SQL expressions that the rule looks at; `approvedMethodId` is null for a user without an approved method. */
export interface RuleInput {
  readonly status: SQL;
  readonly balanceCents: SQL;
  readonly approvedMethod: SQL;
  readonly earlierInvoices: SQL;
  readonly kind: SQL | PaymentKind;
  readonly minimumBalanceCents: SQL | bigint;
}

/**
 * Who is paid, as SQL (docs/architecture.md, "Who is paid"): null to pay, or the reason to skip. The
 * preview, the run's decisions and the check under the lock all use this one expression, so that they cannot differ.
 */
export function skipReason(input: RuleInput): SQL {
  return sql`case
    when ${input.status} <> 'active' then 'inactive'
    when ${input.balanceCents} < ${input.minimumBalanceCents} then 'below-minimum'
    when ${input.approvedMethod} is null then 'no-approved-method'
    when ${input.kind} = 'mid-month' and ${input.earlierInvoices} = 0 then 'first-time-waits'
  end`;
}
