import {
  addDays,
  describeSchedule,
  findScheduleProblem,
  firstLiveDate,
  type LocalDate,
  paymentDatesBetween,
  type Schedule,
} from "@cpa-payouts/core";
import { findScheduler, type RecordedSchedule, recordSchedule, type SchedulerState } from "@cpa-payouts/db";
import { type Context, type DataContext, SYSTEM_ACTOR } from "./context.ts";

/**
 * Stores the schedule that a tick of this process follows. A schedule that differs from that of the ticks before is
 * audited and logged once (`schedule.changed`); one that other workers do not follow is logged at every tick
 * (`schedule.disputed`). The first tick of a version that stores the schedule logs the dates that are left out because an
 * earlier version did not run them (`payment-date.left-out`).
 *
 * @param scheduler the state that the tick has recorded
 */
export async function followSchedule(
  { db, policy: { schedule }, log }: Pick<Context, "db" | "policy" | "log">,
  scheduler: SchedulerState,
  now: Date,
): Promise<void> {
  const liveFrom = liveFromOf(scheduler, schedule);
  const recorded = await recordSchedule(db, { schedule, liveFrom, actor: SYSTEM_ACTOR, now });
  logVerdict(recorded, schedule, log);
  if (recorded.verdict !== "first") return;
  for (const date of datesLeftOut(scheduler, schedule)) log.warn({ paymentDate: date }, "payment-date.left-out");
}

function logVerdict({ verdict, before }: RecordedSchedule, schedule: Schedule, log: Context["log"]): void {
  if (!before) return;
  const fields = { schedule: describeSchedule(schedule), stored: describeSchedule(before) };
  if (verdict === "changed") log.warn(fields, "schedule.changed");
  if (verdict === "disputed") log.error(fields, "schedule.disputed");
}

/**
 * The first local date that is run automatically. A tick stores it; before the first tick of a version that does, it is
 * computed from the schedule of the latest run, which is the best that is known of the time of going live.
 *
 * Without a run, the schedule of the version before is unknown. Its ticks would have run every date that was due before the
 * last of them, so such a date was before going live: by this process's schedule it would be due, and might be paid twice.
 *
 * @param present the schedule of this process, for when no run has stored one
 */
export function liveFromOf(scheduler: SchedulerState, present: Schedule): LocalDate {
  const { liveFrom, liveSince, lastSuccessAt, schedule } = scheduler;
  if (liveFrom) return liveFrom;
  if (!schedule) return firstLiveDate(lastSuccessAt ?? liveSince, present);
  return firstLiveDate(liveSince, findScheduleProblem(schedule, liveSince) === null ? schedule : present);
}

/** The payment dates that {@link liveFromOf} leaves out only because the version before did not run them. */
function datesLeftOut(scheduler: SchedulerState, present: Schedule): LocalDate[] {
  const before = addDays(liveFromOf(scheduler, present), -1);
  return paymentDatesBetween(firstLiveDate(scheduler.liveSince, present), before).map(({ date }) => date);
}

const HOUR_MS = 3_600_000;

/**
 * Whether ticks of the last hour followed two schedules side by side: not all workers have the same one. A tick that only
 * ends the use of the former schedule comes before the change.
 */
export function isDisputed({ schedule, pastSchedule }: SchedulerState, now: Date): boolean {
  if (!schedule?.since || !pastSchedule) return false;
  const hourAgo = now.getTime() - HOUR_MS;
  return pastSchedule.seenAt > schedule.since && pastSchedule.seenAt.getTime() > hourAgo;
}

export interface ScheduleInUse {
  /** The schedule that the ticks follow; it may differ from that of the process that asks. */
  readonly present: Schedule;
  readonly since: Date;
  /** The first local date that is run automatically. */
  readonly liveFrom: LocalDate;
  /** The schedule before, and when a tick last followed it; null when it has never changed. */
  readonly past: (Schedule & { readonly seenAt: Date }) | null;
  /** Whether ticks of the last hour followed both, see {@link isDisputed}. */
  readonly isDisputed: boolean;
}

/** The schedule that the ticks follow, for the calendar; null before the first tick. */
export async function findScheduleInUse({
  db,
  clock,
}: Pick<DataContext, "db" | "clock">): Promise<ScheduleInUse | null> {
  const scheduler = await findScheduler(db);
  if (!scheduler?.schedule?.since) return null;
  const { schedule: present, pastSchedule: past } = scheduler;
  return {
    present,
    since: scheduler.schedule.since,
    liveFrom: liveFromOf(scheduler, present),
    past,
    isDisputed: isDisputed(scheduler, clock()),
  };
}
