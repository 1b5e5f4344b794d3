import type { Db } from "../client.ts";
import { scheduler } from "../schema/index.ts";

export type SchedulerState = Omit<typeof scheduler.$inferSelect, "id" | "lastAlertingTickAt">;

/** When the system went live, how the last ticks ended and since when alerting is on; null before the first tick. */
export async function findScheduler(db: Db): Promise<SchedulerState | null> {
  const [row] = await db.select().from(scheduler);
  return row ?? null;
}
