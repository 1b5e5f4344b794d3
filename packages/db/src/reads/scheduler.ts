import type { LocalDate, Schedule } from "@cpa-payouts/core";
import type { Db } from "../client.ts";
import { scheduler } from "../schema/index.ts";

/** When the system went live, when it last ticked, since when alerting is on, and the schedule that the ticks follow. */
export interface SchedulerState {
  readonly liveSince: Date;
  /** The first local date that is run automatically; null until a tick of this version has stored it. */
  readonly liveFrom: LocalDate | null;
  readonly lastTickAt: Date;
  readonly alertingSince: Date | null;
  /** The schedule that the ticks follow; null as `liveFrom`. */
  readonly schedule: FollowedSchedule | null;
  /** The schedule before that one; null when it has never changed. */
  readonly pastSchedule: FollowedSchedule | null;
}

export interface FollowedSchedule extends Schedule {
  /** When a tick followed it for the first time since it was stored; null for the schedule before the stored one. */
  readonly since: Date | null;
  /** When a tick followed it last. */
  readonly seenAt: Date;
}

/** The state of the scheduler; null before the first tick. */
export async function findScheduler(db: Db): Promise<SchedulerState | null> {
  const [row] = await db.select().from(scheduler);
  return row ? toSchedulerState(row) : null;
}

/** The state of the scheduler in its row. */
export function toSchedulerState(row: typeof scheduler.$inferSelect): SchedulerState {
  const { liveSince, liveFrom, lastTickAt, alertingSince } = row;
  return {
    liveSince,
    liveFrom,
    lastTickAt,
    alertingSince,
    schedule: followed(row.schedulePattern, row.scheduleTimeZone, row.scheduleSince, row.scheduleSeenAt),
    pastSchedule: followed(row.pastPattern, row.pastTimeZone, null, row.pastSeenAt),
  };
}

function followed(pattern: string | null, timeZone: string | null, since: Date | null, seenAt: Date | null) {
  return pattern !== null && timeZone !== null && seenAt ? { pattern, timeZone, since, seenAt } : null;
}
