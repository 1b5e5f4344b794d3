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

/** How far a run is. */
export interface RunProgress {
  readonly state: RunState;
  readonly done: number;
  readonly total: number;
}

const POLL_MS = 200;
/** How long a run may stand still before its open work is queued once more. */
const STANDSTILL_MS = 15_000;

/**
 * Follows a run until it is completed or cancelled, whoever works on it. The database is asked, never the queue. When
 * the run stands still its open work is queued again, so that a queue that lost its memory costs seconds; when the
 * database is away, it waits.
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

/** Tells when the progress has been the same for too long, once per standstill. */
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

/** Rejects with the reason of the abort, which says more than the AbortError that the timer makes of it. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause;
  }
}

/** Null, with a line in the log, while the database or the queue is away. */
async function unlessAway<T>(ctx: Context, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (cause) {
    if (!isConnectionError(cause)) throw cause;
    ctx.log.warn({ error: describeError(cause) }, "database.away");
    return null;
  }
}

/** Tells how far a run is. While it decides, the total is an estimate, made once. */
export function progressMeter({ db }: Pick<Context, "db">): (run: PaymentRun) => Promise<RunProgress> {
  let owed: number | null = null;
  return async ({ id, state }) => {
    const { considered, open } = await totalsOfRun(db, id);
    if (state !== "deciding") return { state, done: considered - open, total: considered };
    owed ??= await countUsersOwed(db);
    return { state, done: considered, total: owed };
  };
}
