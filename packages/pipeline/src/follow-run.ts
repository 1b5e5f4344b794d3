import { setTimeout as sleep } from "node:timers/promises";
import type { RunState } from "@cpa-payouts/core";
import {
  countUsersOwed,
  describeError,
  getRun,
  isConnectionError,
  type PaymentRun,
  totalsOfRun,
} from "@cpa-payouts/db";
import type { Context } from "./context.ts";
import { resumeRun } from "./resume-run.ts";

/** The progress of a run: users decided while it decides, users settled afterwards. */
export interface RunProgress {
  readonly state: RunState;
  readonly done: number;
  readonly total: number;
}

const POLL_MS = 200;
/** How long a run may make no progress before its open work is queued again. */
const STANDSTILL_MS = 15_000;

/**
 * Waits until a run is completed or cancelled, whichever processes work on it, and reports its progress from the
 * database, never from the queue. After `standstillMs` (default 15,000) without progress, the run's open work is queued
 * again: a queue that lost its data delays the run by seconds only. While the database or the queue is away, it waits.
 *
 * @returns the finished run
 * @throws the reason of `signal` when that is aborted
 */
export async function followRun(
  ctx: Context,
  runId: number,
  options: { onProgress: (progress: RunProgress) => void; signal?: AbortSignal; standstillMs?: number },
): Promise<PaymentRun> {
  const watch = standstillWatch(options.standstillMs ?? STANDSTILL_MS);
  const progressOf = progressMeter(ctx);
  for (;;) {
    const run = await unlessAway(ctx, async () => {
      const seen = await getRun(ctx.db, runId);
      const progress = await progressOf(seen);
      options.onProgress(progress);
      if (watch.standsStill(progress)) await resumeRun(ctx, seen);
      return seen;
    });
    if (run?.state === "completed" || run?.state === "cancelled") return run;
    await pause(POLL_MS, options.signal);
  }
}

/** Detects a run without progress for `limitMs`; then the time starts again. */
function standstillWatch(limitMs: number) {
  let last = "";
  let since = performance.now();
  return {
    standsStill: ({ state, done }: RunProgress): boolean => {
      const present = `${state} ${done}`;
      const isOver = present === last && performance.now() - since > limitMs;
      if (present !== last || isOver) since = performance.now();
      last = present;
      return isOver;
    },
  };
}

/** Rejects with the abort's reason, which says more than the timer's AbortError. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause;
  }
}

/** Returns null and logs a warning while the database or the queue is away. */
async function unlessAway<T>(ctx: Context, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (cause) {
    if (!isConnectionError(cause)) throw cause;
    ctx.log.warn({ error: describeError(cause) }, "database.away");
    return null;
  }
}

/**
 * Creates a function that reads the progress of a run. While the run decides, the total is an estimate: the number of
 * users who are owed anything, counted once.
 */
export function progressMeter({ db }: Pick<Context, "db">): (run: PaymentRun) => Promise<RunProgress> {
  let owed: number | null = null;
  return async ({ id, state }) => {
    const { considered, open } = await totalsOfRun(db, id);
    if (state !== "deciding") return { state, done: considered - open, total: considered };
    owed ??= await countUsersOwed(db);
    return { state, done: considered, total: owed };
  };
}
