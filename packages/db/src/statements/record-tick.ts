import { type AnyColumn, sql } from "drizzle-orm";
import { type Db, writable } from "../client.ts";
import { type SchedulerState, toSchedulerState } from "../reads/scheduler.ts";
import { scheduler } from "../schema/index.ts";
import { instantParam } from "../sql.ts";

/**
 * Records that a tick begins. The first tick ever is stored as going live. Alerting begins with the first tick that has an alert
 * channel, and begins again after more than a day of ticks without one; time without any ticks does not count.
 *
 * @returns the stored state, this tick included
 */
export async function recordTick(db: Db, now: Date, { isAlerting }: { isAlerting: boolean }): Promise<SchedulerState> {
  const alertingFrom = isAlerting ? now : null;
  const [row] = await writable(db)
    .insert(scheduler)
    .values({
      liveSince: now,
      lastTickAt: now,
      unfinishedSince: now,
      alertingSince: alertingFrom,
      lastAlertingTickAt: alertingFrom,
    })
    .onConflictDoUpdate({
      target: scheduler.id,
      set: {
        lastTickAt: latest(scheduler.lastTickAt, now),
        unfinishedSince: sql`coalesce(${scheduler.unfinishedSince}, ${instantParam(now)})`,
        ...(isAlerting ? alertingTick(now) : {}),
      },
    })
    .returning();
  if (!row) throw new Error("recording the tick returned nothing");
  return toSchedulerState(row);
}

function alertingTick(now: Date) {
  const { alertingSince, lastAlertingTickAt, lastTickAt } = scheduler;
  return {
    alertingSince: sql`case
      when ${lastAlertingTickAt} is null or ${lastTickAt} > ${lastAlertingTickAt} + interval '1 day' then ${instantParam(now)}
      else ${alertingSince} end`,
    lastAlertingTickAt: latest(lastAlertingTickAt, now),
  };
}

/** The later of the stored instant and `now`, since the clock of a worker may be behind. */
function latest(column: AnyColumn, now: Date) {
  return sql`greatest(${column}, ${instantParam(now)})`;
}
