import { retryWithBackoff, type Schedule } from "@cpa-payouts/core";
import { jobOptions } from "./catalog.ts";
import type { Queues } from "./queues.ts";

/** The daily tick, and the tick every five minutes that makes up for a missed daily one. */
const DAILY = "tick-daily";
const SWEEP = "tick-sweep";
const EVERY_FIVE_MINUTES: Schedule = { pattern: "*/5 * * * *", timeZone: "UTC" };

/**
 * Sets up the ticks: at the configured time, every five minutes, and once now. An existing scheduler with the same
 * pattern and zone is left alone, because BullMQ's upsert deletes an overdue tick and continues with the next one in the
 * future: a process that boots after a missed 02:00 would lose exactly that payment date.
 *
 * @returns when the daily tick fires next
 */
export async function scheduleTicks(queues: Queues, daily: Schedule): Promise<Date | null> {
  await ensureSchedulers(queues, daily);
  await queues.ensureQueued("tick", [{}]);
  return nextDailyTick(queues);
}

/** When the daily tick fires next, by the real clock even if `--now` simulates the time; null when it is not scheduled. */
export async function nextDailyTick({ bullmq: { ticks } }: Pick<Queues, "bullmq">): Promise<Date | null> {
  const scheduler = await ticks.getJobScheduler(DAILY);
  return scheduler?.next ? new Date(scheduler.next) : null;
}

/**
 * Sets the ticks up again if they are missing, and then adds one at once: a Redis that lost its data has also lost the
 * schedulers, and without them no tick would ever fire again.
 *
 * @returns whether a scheduler was missing or different
 */
export async function restoreTicks(queues: Queues, daily: Schedule): Promise<boolean> {
  const restored = await ensureSchedulers(queues, daily);
  if (restored) await queues.ensureQueued("tick", [{}]);
  return restored;
}

async function ensureSchedulers(queues: Queues, daily: Schedule): Promise<boolean> {
  const wasDailyGone = await ensureScheduler(queues, DAILY, daily);
  const wasSweepGone = await ensureScheduler(queues, SWEEP, EVERY_FIVE_MINUTES);
  return wasDailyGone || wasSweepGone;
}

/** Processes that boot in the same second upsert at the same time, and BullMQ fails one of them. */
const UPSERT_PATIENCE = { attempts: 5, pauseMs: 100 };

/**
 * Upserts a scheduler unless it exists with this pattern and zone. BullMQ fails the slower of two processes with "job ID
 * already exists" or, on PostgreSQL, a deadlock; that process then looks again.
 *
 * @returns whether it was missing or different
 */
async function ensureScheduler({ bullmq: { ticks } }: Queues, id: string, schedule: Schedule): Promise<boolean> {
  return retryWithBackoff(async () => {
    const existing = await ticks.getJobScheduler(id);
    if (existing && existing.pattern === schedule.pattern && existing.tz === schedule.timeZone) return false;
    const repeat = { pattern: schedule.pattern, tz: schedule.timeZone };
    await ticks.upsertJobScheduler(id, repeat, { name: "tick", data: {}, opts: jobOptions });
    return true;
  }, UPSERT_PATIENCE);
}
