import type { AuditContext } from "@cpa-payouts/core";
import { recordAction as recordActionInDb } from "@cpa-payouts/db";
import type { DataContext } from "./context.ts";

/** Writes the audit row of an action that changes no row of the database, such as a retry on the queue board. */
export async function recordAction(
  ctx: DataContext,
  action: AuditContext & { action: string; object: string },
): Promise<void> {
  await recordActionInDb(ctx.db, { ...action, now: ctx.clock() });
}
