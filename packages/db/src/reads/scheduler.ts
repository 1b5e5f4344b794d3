import type { Db } from "../client.ts";
import { scheduler } from "../schema/index.ts";

export type SchedulerState = Pick<typeof scheduler.$inferSelect, "liveSince" | "lastTickAt" | "alertingSince">;

/** When the system went live, when it last ticked and since when alerting is on; null before the first tick. */
export async function findScheduler(db: Db): Promise<SchedulerState | null> {
  const [row] = await db.select().from(scheduler);
  return row ?? null;
}
