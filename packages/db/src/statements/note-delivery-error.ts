import { eq } from "drizzle-orm";
import { type Db, writable } from "../client.ts";
import { alertDeliveries } from "../schema/index.ts";

/** Stores why an attempt failed; the state of the delivery does not change. */
export async function noteDeliveryError(
  db: Db,
  { deliveryId, error }: { deliveryId: number; error: string },
): Promise<void> {
  await writable(db).update(alertDeliveries).set({ error }).where(eq(alertDeliveries.id, deliveryId));
}
