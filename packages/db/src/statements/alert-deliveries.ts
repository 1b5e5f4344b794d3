import {
  type AlertChannel,
  type AuditContext,
  type DeliveryState,
  deliveryTransitions,
  statesBefore,
} from "@cpa-payouts/core";
import { and, eq, inArray, sql } from "drizzle-orm";
import { type Db, writable } from "../client.ts";
import { alertDeliveries, alerts } from "../schema/index.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

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
  const [row] = await writable(db)
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
  await writable(db).update(alertDeliveries).set({ error }).where(eq(alertDeliveries.id, deliveryId));
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
  const rows = await writable(db)
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
  const returned = await execute(
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
  return returned;
}
