import type { Schedule } from "@cpa-payouts/core";
import { tryAgain } from "./again.ts";
import { jobOptions } from "./catalog.ts";
import type { Queues } from "./queues.ts";

/** The daily tick, and the sweep that makes a missed one harmless. */
const DAILY = "tick-daily";
const SWEEP = "tick-sweep";
const EVERY_FIVE_MINUTES: Schedule = { pattern: "*/5 * * * *", timeZone: "UTC" };

/**
 * Sets up the ticks: at the configured time, every five minutes, and once now. An existing scheduler with the same
 * pattern and zone is left alone, because BullMQ's upsert deletes a tick that is overdue and starts over with the next
 * one in the future: a process that boots after a missed 02:00 would lose exactly that payment date.
 *
 * @returns when the daily tick fires next
 */
export async function scheduleTicks(queues: Queues, daily: Schedule): Promise<Date | null> {
  await ensureSchedulers(queues, daily);
  await queues.ensureQueued("tick", [{}]);
  return nextDailyTick(queues);
}

/** When the daily tick fires next, by the real clock whatever a test pretends; null when nothing schedules it. */
export async function nextDailyTick({ bullmq: { ticks } }: Pick<Queues, "bullmq">): Promise<Date | null> {
  const scheduler = await ticks.getJobScheduler(DAILY);
  return scheduler?.next ? new Date(scheduler.next) : null;
}

/**
 * Sets the ticks up again if they are gone, and then has one come at once: a Redis that lost its memory has lost the
 * schedulers, too, and nothing would ever tick again.
 *
 * @returns whether anything was gone
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

/** Processes that boot at the same second upsert at once, and BullMQ answers one of them with an error. */
const UPSERT_PATIENCE = { attempts: 5, pauseMs: 100 };

/**
 * Upserts a scheduler unless it is there with this pattern and zone. What BullMQ answers the slower of two processes is
 * "job ID already exists" or, on PostgreSQL, a deadlock; it then looks again.
 *
 * @returns whether it was absent or different
 */
async function ensureScheduler({ bullmq: { ticks } }: Queues, id: string, schedule: Schedule): Promise<boolean> {
  return tryAgain(async () => {
    const existing = await ticks.getJobScheduler(id);
    if (existing && existing.pattern === schedule.pattern && existing.tz === schedule.timeZone) return false;
    const repeat = { pattern: schedule.pattern, tz: schedule.timeZone };
    await ticks.upsertJobScheduler(id, repeat, { name: "tick", data: {}, opts: jobOptions });
    return true;
  }, UPSERT_PATIENCE);
}
