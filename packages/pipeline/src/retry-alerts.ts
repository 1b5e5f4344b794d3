import type { AuditContext } from "@cpa-payouts/core";
import { reopenDeliveries } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

/**
 * Opens the failed deliveries of alerts again; the next tick queues them.
 *
 * @returns the number of deliveries opened
 */
export async function retryAlerts(ctx: DataContext, audit: AuditContext): Promise<number> {
  const deliveries = await reopenDeliveries(ctx.db, { ...audit, now: ctx.clock() });
  if (deliveries > 0) ctx.log.info({ deliveries }, "alerts.retried");
  return deliveries;
}
