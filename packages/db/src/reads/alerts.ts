import { type AlertChannel, type AlertEvent, alertRanks, type DeliveryState } from "@cpa-payouts/core";
import { desc, eq, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag, id, integer, type Row } from "../decoders.ts";
import { alertDeliveries, alerts } from "../schema/index.ts";
import { arrayParam, instantParam, rowOf, rowsOf } from "../sql.ts";

/**
 * Whether an invoice created before an instant is still pending, and no invoice was reviewed at or after that instant.
 * Every tick asks, so both halves use an index.
 */
export async function isReviewOverdue(db: Db, since: Date): Promise<boolean> {
  const { overdue } = await rowOf(
    db,
    { overdue: flag },
    sql`
    select exists (
        select from payment_runs r cross join lateral (
          select created_at from invoices where run_id = r.id and status = 'pending' order by id limit 1
        ) oldest where oldest.created_at < ${instantParam(since)})
      and not exists (select from audit_log
        where action in ('invoice.pay', 'invoice.reject', 'invoice.approve') and at >= ${instantParam(since)}) as overdue`,
  );
  return overdue;
}

const openColumns = { id, rank: integer, attempts: integer };

/** A delivery that is to be made. */
export type OpenDelivery = Row<typeof openColumns>;

/**
 * The open deliveries through the given channels that come first: a lower rank, then fewer attempts, then the older one. The limit
 * is of each channel and rank for itself. So a channel or recipient that fails holds up neither other channels nor alerts that
 * were not tried yet, however many of its deliveries are open.
 *
 * @param limit the most deliveries of one channel and rank
 */
export async function listOpenDeliveries(
  db: Db,
  channels: readonly AlertChannel[],
  limit: number,
): Promise<OpenDelivery[]> {
  return rowsOf(
    db,
    openColumns,
    sql`
    select d.id, d.rank, d.attempts
    from unnest(${arrayParam(channels, "text")}) as c (channel)
      cross join unnest(${arrayParam(alertRanks, "bigint")}) as r (rank)
      cross join lateral (
        select o.id, o.rank::int, o.attempts from alert_deliveries o
        where o.state = 'open' and o.channel = c.channel and o.rank = r.rank
        order by o.attempts, o.id limit ${limit}) d
    order by d.rank, d.attempts, d.id`,
  );
}

export interface AlertListing {
  readonly raisedAt: Date;
  readonly event: AlertEvent;
  readonly paymentDate: string | null;
  readonly channel: AlertChannel;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly error: string | null;
}

/** Alerts with the state of their deliveries, a row per channel, newest first. */
export async function listAlerts(db: Db, limit?: number): Promise<AlertListing[]> {
  const { raisedAt, event, paymentDate } = alerts;
  const { channel, state, attempts, error } = alertDeliveries;
  const query = db
    .select({ raisedAt, event, paymentDate, channel, state, attempts, error })
    .from(alertDeliveries)
    .innerJoin(alerts, eq(alerts.id, alertDeliveries.alertId))
    .orderBy(desc(alertDeliveries.id));
  return limit === undefined ? query : query.limit(limit);
}
