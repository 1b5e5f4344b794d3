import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { scheduler } from "../schema/index.ts";
import { instantParam } from "../sql.ts";

export type SchedulerState = Pick<typeof scheduler.$inferSelect, "liveSince" | "lastTickAt">;

/** Records a tick. The first one ever is going live, and stays so. */
export async function recordTick(db: Db, now: Date): Promise<SchedulerState> {
  const [row] = await db
    .insert(scheduler)
    .values({ liveSince: now, lastTickAt: now })
    .onConflictDoUpdate({
      target: scheduler.id,
      set: { lastTickAt: sql`greatest(${scheduler.lastTickAt}, ${instantParam(now)})` },
    })
    .returning();
  if (!row) throw new Error("recording the tick returned nothing");
  return row;
}

/** When the system went live and when it last ticked; null before the first tick. */
export async function findScheduler(db: Db): Promise<SchedulerState | null> {
  const [row] = await db.select().from(scheduler);
  return row ?? null;
}
