import { setTimeout as sleep } from "node:timers/promises";
import type { Schedule } from "@cpa-payouts/core";
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
  await ensureScheduler(queues, DAILY, daily);
  await ensureScheduler(queues, SWEEP, EVERY_FIVE_MINUTES);
  await queues.ensureQueued("tick", [{}]);
  const scheduler = await queues.bullmq.ticks.getJobScheduler(DAILY);
  return scheduler?.next ? new Date(scheduler.next) : null;
}

const UPSERT_ATTEMPTS = 5;
const UPSERT_PAUSE_MS = 100;

/** Processes that boot at the same second may upsert at once, and on PostgreSQL BullMQ then reports a deadlock to one of them. */
async function ensureScheduler({ bullmq: { ticks } }: Queues, id: string, schedule: Schedule): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const existing = await ticks.getJobScheduler(id);
    if (existing && existing.pattern === schedule.pattern && existing.tz === schedule.timeZone) return;
    try {
      const repeat = { pattern: schedule.pattern, tz: schedule.timeZone };
      await ticks.upsertJobScheduler(id, repeat, { name: "tick", data: {}, opts: jobOptions });
      return;
    } catch (cause) {
      if (attempt === UPSERT_ATTEMPTS) throw cause;
      await sleep(Math.random() * UPSERT_PAUSE_MS * attempt);
    }
  }
}
