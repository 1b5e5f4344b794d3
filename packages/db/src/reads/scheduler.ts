import type { LocalDate, Schedule } from "@cpa-payouts/core";
import type { Db } from "../client.ts";
import { scheduler } from "../schema/index.ts";

/** When the system went live, how the last ticks ended, since when alerting is on, and the schedule that the ticks follow. */
export interface SchedulerState {
  readonly liveSince: Date;
  /** The first local date that is run automatically; null until a tick of this version has stored it. */
  readonly liveFrom: LocalDate | null;
  readonly lastTickAt: Date;
  /** The first tick since the last one that came to its end; null while none is under way. */
  readonly unfinishedSince: Date | null;
  /** The last tick that did every step; null before there is one. */
  readonly lastSuccessAt: Date | null;
  /** Since when every tick has failed at a step; null after a tick that did every step. */
  readonly failingSince: Date | null;
  readonly lastFailureAt: Date | null;
  /** The steps at which the last failed tick failed, and why the first of them did. */
  readonly failedSteps: string | null;
  readonly failure: string | null;
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
  const { liveSince, liveFrom, lastTickAt, alertingSince, unfinishedSince, lastSuccessAt } = row;
  const { failingSince, lastFailureAt, failedSteps, failure } = row;
  return {
    liveSince,
    liveFrom,
    lastTickAt,
    unfinishedSince,
    lastSuccessAt,
    failingSince,
    lastFailureAt,
    failedSteps,
    failure,
    alertingSince,
    schedule: followed(row.schedulePattern, row.scheduleTimeZone, row.scheduleSince, row.scheduleSeenAt),
    pastSchedule: followed(row.pastPattern, row.pastTimeZone, null, row.pastSeenAt),
  };
}

function followed(pattern: string | null, timeZone: string | null, since: Date | null, seenAt: Date | null) {
  return pattern !== null && timeZone !== null && seenAt ? { pattern, timeZone, since, seenAt } : null;
}
