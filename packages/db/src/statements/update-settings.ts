import type { AuditContext } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id } from "../decoders.ts";
import { instantParam, requestParams, rowOf } from "../sql.ts";

export interface SettingsChange extends AuditContext {
  /** Null switches the two-person rule off. */
  readonly twoPersonAboveCents?: bigint | null;
  readonly coolingOffDays?: number;
  readonly reviewAlertDays?: number;
  readonly largestEntryCents?: bigint;
  readonly largestBalanceCents?: bigint;
  readonly now: Date;
}

/**
 * Changes the settings that are given and keeps the others. Open runs keep the cooling-off that they were opened with.
 *
 * @throws the database's error for a number that is out of range
 */
export async function updateSettings(db: Db, change: SettingsChange): Promise<void> {
  const { twoPersonAboveCents, coolingOffDays = null, reviewAlertDays = null, actor, now } = change;
  const { largestEntryCents = null, largestBalanceCents = null } = change;
  await rowOf(
    db,
    { id },
    sql`
    with before as (select * from settings for update), changed as (
      update settings s set
        two_person_above_cents = case when ${twoPersonAboveCents !== undefined} then ${twoPersonAboveCents ?? null}::bigint
          else s.two_person_above_cents end,
        cooling_off_days = coalesce(${coolingOffDays}::int, s.cooling_off_days),
        review_alert_days = coalesce(${reviewAlertDays}::int, s.review_alert_days),
        largest_entry_cents = coalesce(${largestEntryCents}::bigint, s.largest_entry_cents),
        largest_balance_cents = coalesce(${largestBalanceCents}::bigint, s.largest_balance_cents),
        updated_at = ${instantParam(now)}, updated_by = ${actor}
      from before where s.id = before.id
      returning s.*
    )
    insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
    select ${instantParam(now)}, ${actor}, 'settings.change', 'settings', ${describe("before")}, ${describe("changed")},
      ${requestParams(change)}
    from before, changed
    returning id`,
  );
}

/** The settings of a row as JSON for the audit log; amounts in cents are texts, since JSON numbers may be rounded. */
function describe(alias: "before" | "changed"): SQL {
  return sql.raw(`jsonb_build_object(
    'twoPersonAboveCents', ${alias}.two_person_above_cents::text,
    'coolingOffDays', ${alias}.cooling_off_days,
    'reviewAlertDays', ${alias}.review_alert_days,
    'largestEntryCents', ${alias}.largest_entry_cents::text,
    'largestBalanceCents', ${alias}.largest_balance_cents::text)`);
}
