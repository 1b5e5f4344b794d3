import type { AlertChannel, AlertEvent, DeliveryState } from "@cpa-payouts/core";
import { and, asc, desc, eq, inArray, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { flag } from "../decoders.ts";
import { alertDeliveries, alerts } from "../schema/index.ts";
import { instantParam, rowOf } from "../sql.ts";

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

/** The ids of the open deliveries through the given channels, oldest first. */
export async function listOpenDeliveries(
  db: Db,
  channels: readonly AlertChannel[],
  limit: number,
): Promise<readonly number[]> {
  const rows = await db
    .select({ id: alertDeliveries.id })
    .from(alertDeliveries)
    .where(and(sql`${alertDeliveries.state} = 'open'`, inArray(alertDeliveries.channel, [...channels])))
    .orderBy(asc(alertDeliveries.id))
    .limit(limit);
  return rows.map(({ id }) => id);
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
