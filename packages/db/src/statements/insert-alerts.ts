import { type AlertChannel, type AlertEvent, alertEvents, rankOfAlert } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id, oneOf } from "../decoders.ts";
import { arrayParam, instantParam, rowsOf } from "../sql.ts";

/** An alert that is to be raised unless there is one with its key. */
export interface AlertCandidate {
  readonly key: string;
  readonly event: AlertEvent;
  readonly paymentDate: string | null;
  /** The channels to send it by, if not all. */
  readonly channels?: readonly AlertChannel[];
}

/**
 * Raises the candidates whose key is new, each with an open delivery per channel. Two processes may raise the same alert
 * at once: the unique key admits one of them.
 *
 * @returns the alerts that this call raised
 */
export async function insertAlerts(
  db: Db,
  raise: { candidates: readonly AlertCandidate[]; channels: readonly AlertChannel[]; now: Date },
): Promise<{ alertId: number; event: AlertEvent }[]> {
  const { channels, now } = raise;
  const candidates = raise.candidates.map((candidate) => ({ ...candidate, rank: rankOfAlert(candidate.event) }));
  return rowsOf(
    db,
    { alertId: id, event: oneOf(alertEvents) },
    sql`
    with candidate as (
      select * from jsonb_to_recordset(${JSON.stringify(candidates)}::jsonb) as c ("key" text, "event" text, "paymentDate" date, "channels" jsonb, "rank" smallint)
    ), raised as (
      insert into alerts (key, event, payment_date, raised_at)
      select c.key, c.event, c."paymentDate", ${instantParam(now)} from candidate c
      where not exists (select from alerts a where a.key = c.key)
      on conflict (key) do nothing
      returning id, key, event
    ), delivery as (
      insert into alert_deliveries (alert_id, channel, rank)
      select raised.id, channel, c.rank from raised join candidate c on c.key = raised.key
        cross join unnest(${arrayParam(channels, "text")}) as channel
      where c.channels is null or c.channels ? channel
    )
    select id as alert_id, event from raised order by id`,
  );
}
