import type { AuditContext } from "@cpa-payouts/core";
import { insertAuditEntry } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

/** Writes the audit row of an action that changes no row of the database, such as a retry on the queue board. `after` tells more about it. */
export async function recordAction(
  ctx: DataContext,
  action: AuditContext & { action: string; object: string; after?: object },
): Promise<void> {
  await insertAuditEntry(ctx.db, { ...action, now: ctx.clock() });
  ctx.log.info({ action: action.action }, "action.recorded");
}
