import { type AlertChannel, deliveryTransitions, statesBefore } from "@cpa-payouts/core";
import { and, eq, inArray, sql } from "drizzle-orm";
import { type Db, writable } from "../client.ts";
import { alertDeliveries, alerts } from "../schema/index.ts";

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
