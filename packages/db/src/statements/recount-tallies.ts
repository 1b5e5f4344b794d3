import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, text } from "../decoders.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";
import {
  decisionDifferenceText,
  decisionTallyDifferences,
  invoiceDifferenceText,
  invoiceTallyDifferences,
} from "../tally-differences.ts";

/** A group whose tally differed from the rows that it counts. */
export interface TallyDifference {
  readonly subject: string;
  readonly detail: string;
}

export type RecountResult =
  | { readonly status: "recounted"; readonly differences: readonly TallyDifference[] }
  /** Another recount ran at the same moment; this one changed nothing. */
  | { readonly status: "not-alone" };

/**
 * Recounts the tallies and adds a row with the difference to each group that differs, with an audit row.
 *
 * It needs no lock against the workers, the reviewers or an add-up. All of it reads one snapshot, in which each change is
 * there with its tally or not at all, and an add-up leaves the sums as they are. Only a second recount at the same moment
 * would add the same differences again. Its snapshot may be older than the commit of the first one, so a lock would not
 * help: it takes the number of the first one instead, and then does nothing.
 */
export async function recountTallies(db: Db, audit: AuditContext & { readonly now: Date }): Promise<RecountResult> {
  const { actor, now } = audit;
  const rows = await rowsOf(
    db,
    { subject: text, detail: text, isRecounted: flag },
    sql`
    with invoice_difference as materialized (${invoiceTallyDifferences}),
    decision_difference as materialized (${decisionTallyDifferences}),
    difference as materialized (
      select ${invoiceDifferenceText} from invoice_difference
      union all select ${decisionDifferenceText} from decision_difference
    ), turn as (
      insert into tally_recounts (number, recounted_at, recounted_by)
      select (select coalesce(max(number), 0) + 1 from tally_recounts), ${instantParam(now)}, ${actor}
      where exists (select from difference)
      on conflict (number) do nothing
      returning number
    ), invoices as (
      insert into invoice_tallies (run_id, status, invoices, amount_cents)
      select run_id, status, found - tallied, total - tallied_total from invoice_difference, turn
    ), decisions as (
      insert into decision_tallies (run_id, outcome, reason, users)
      select run_id, outcome, reason, found - tallied from decision_difference, turn
    ), audit as (
      insert into audit_log (at, actor, action, object, after, request_id, client_address)
      select ${instantParam(now)}, ${actor}, 'tallies.recount', 'tallies',
        jsonb_build_object('recount', number, 'group', subject, 'difference', detail),
        ${requestParams(audit)}
      from difference, turn
    )
    select subject, detail, exists (select from turn) as is_recounted from difference order by subject`,
  );
  if (rows.some(({ isRecounted }) => !isRecounted)) return { status: "not-alone" };
  return { status: "recounted", differences: rows.map(({ subject, detail }) => ({ subject, detail })) };
}
