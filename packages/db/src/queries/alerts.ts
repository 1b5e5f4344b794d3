import {
  type AlertChannel,
  type AlertEvent,
  type AuditContext,
  type DeliveryState,
  deliveryTransitions,
  statesBefore,
} from "@cpa-payouts/core";
import { and, asc, desc, eq, gte, inArray, or, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { alertDeliveries, alerts, paymentRuns } from "../schema/index.ts";
import { arrayParam, instantParam, requestParams, rowOf, rowsOf } from "../sql.ts";
import type { PaymentRun } from "./runs.ts";

/** An alert that is to be raised unless there is one with its key. */
export interface AlertCandidate {
  readonly key: string;
  readonly event: AlertEvent;
  readonly paymentDate: string | null;
}

/**
 * Raises the candidates whose key is new, each with an open delivery per channel. Two processes may raise the same alert
 * at once: the unique key admits one of them.
 *
 * @returns the alerts that this call raised
 */
export async function raiseAlerts(
  db: Db,
  raise: { candidates: readonly AlertCandidate[]; channels: readonly AlertChannel[]; now: Date },
): Promise<{ alertId: number; event: AlertEvent }[]> {
  const { candidates, channels, now } = raise;
  const rows = await rowsOf<{ id: bigint; event: AlertEvent }>(
    db,
    sql`
    with candidate as (
      select * from jsonb_to_recordset(${JSON.stringify(candidates)}::jsonb) as c ("key" text, "event" text, "paymentDate" date)
    ), raised as (
      insert into alerts (key, event, payment_date, raised_at)
      select c.key, c.event, c."paymentDate", ${instantParam(now)} from candidate c
      where not exists (select from alerts a where a.key = c.key)
      on conflict (key) do nothing
      returning id, event
    ), delivery as (
      insert into alert_deliveries (alert_id, channel)
      select raised.id, channel from raised cross join unnest(${arrayParam(channels, "text")}) as channel
    )
    select id, event from raised order by id`,
  );
  return rows.map(({ id, event }) => ({ alertId: Number(id), event }));
}

/** Runs that were completed or cancelled at or after an instant, oldest payment date first. */
export async function listRunsFinishedSince(db: Db, since: Date): Promise<PaymentRun[]> {
  return db
    .select()
    .from(paymentRuns)
    .where(or(gte(paymentRuns.completedAt, since), gte(paymentRuns.cancelledAt, since)))
    .orderBy(paymentRuns.paymentDate);
}

/**
 * Whether an invoice created before an instant is still pending, and no invoice was reviewed at or after that instant.
 * Every tick asks, so both halves use an index.
 */
export async function isReviewOverdue(db: Db, since: Date): Promise<boolean> {
  const { overdue } = await rowOf<{ overdue: boolean }>(
    db,
    sql`
    select coalesce((select created_at < ${instantParam(since)} from invoices where status = 'pending' order by id limit 1), false)
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

export interface AlertDelivery {
  readonly channel: AlertChannel;
  readonly alert: typeof alerts.$inferSelect;
}

/**
 * Counts an attempt before it is made.
 *
 * @returns the alert to send and its channel; null when it was sent or dropped before
 */
export async function startDelivery(db: Db, deliveryId: number): Promise<AlertDelivery | null> {
  const [row] = await db
    .update(alertDeliveries)
    .set({ attempts: sql`${alertDeliveries.attempts} + 1` })
    .from(alerts)
    .where(
      and(
        eq(alertDeliveries.id, deliveryId),
        eq(alerts.id, alertDeliveries.alertId),
        inArray(alertDeliveries.state, [...statesBefore(deliveryTransitions, "sent")]),
      ),
    )
    .returning({ channel: alertDeliveries.channel, alert: alerts });
  return row ?? null;
}

/** Stores why an attempt failed; the state of the delivery does not change. */
export async function noteDeliveryError(
  db: Db,
  { deliveryId, error }: { deliveryId: number; error: string },
): Promise<void> {
  await db.update(alertDeliveries).set({ error }).where(eq(alertDeliveries.id, deliveryId));
}

/**
 * Settles a delivery as sent, dropped or failed.
 *
 * @returns false when its present state does not allow that, because it was settled before
 */
export async function settleDelivery(
  db: Db,
  settle: { deliveryId: number; state: Exclude<DeliveryState, "open">; error: string | null; now: Date },
): Promise<boolean> {
  const { deliveryId, state, error, now } = settle;
  const rows = await db
    .update(alertDeliveries)
    .set({ state, error, settledAt: now })
    .where(
      and(
        eq(alertDeliveries.id, deliveryId),
        inArray(alertDeliveries.state, [...statesBefore(deliveryTransitions, state)]),
      ),
    )
    .returning({ id: alertDeliveries.id });
  return rows.length > 0;
}

/**
 * Reopens the failed deliveries; the next tick queues them.
 *
 * @returns the number of deliveries reopened
 */
export async function reopenDeliveries(db: Db, retry: AuditContext & { now: Date }): Promise<number> {
  const rows = await rowsOf(
    db,
    sql`
    with reopened as (
      update alert_deliveries set state = 'open', settled_at = null where state = 'failed' returning alert_id, channel
    ), audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id, client_address)
      select ${instantParam(retry.now)}, ${retry.actor}, 'alert.retry', 'alert:' || alert_id,
        jsonb_build_object('channel', channel, 'state', 'failed'), jsonb_build_object('channel', channel, 'state', 'open'),
        ${requestParams(retry)}
      from reopened
    )
    select alert_id from reopened`,
  );
  return rows.length;
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
