import { type DeliveryState, deliveryTransitions, statesBefore } from "@cpa-payouts/core";
import { and, eq, inArray } from "drizzle-orm";
import { type Db, writable } from "../client.ts";
import { alertDeliveries } from "../schema/index.ts";

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
