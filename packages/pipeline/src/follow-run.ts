import { setTimeout as sleep } from "node:timers/promises";
import type { RunState } from "@cpa-payouts/core";
import {
  countDecisions,
  countOpenDecisions,
  countUsersOwed,
  describeError,
  getRun,
  isConnectionError,
  type PaymentRun,
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
  options: { onProgress: (progress: RunProgress) => void; signal?: AbortSignal },
): Promise<PaymentRun> {
  let last: RunProgress | null = null;
  let lastChange = performance.now();
  for (;;) {
    const seen = await look(ctx, runId);
    if (seen) {
      if (seen.progress.state !== last?.state || seen.progress.done !== last.done) lastChange = performance.now();
      last = seen.progress;
      options.onProgress(seen.progress);
      if (seen.run.state === "completed" || seen.run.state === "cancelled") return seen.run;
      if (performance.now() - lastChange > STANDSTILL_MS) {
        await resumeRun(ctx, seen.run);
        lastChange = performance.now();
      }
    }
    await pause(options.signal);
  }
}

/** Rejects with the reason of the abort, which says more than the AbortError that the timer makes of it. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(POLL_MS, undefined, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause;
  }
}

async function look(ctx: Context, runId: number): Promise<{ run: PaymentRun; progress: RunProgress } | null> {
  try {
    const run = await getRun(ctx.db, runId);
    return { run, progress: await progressOf(ctx, run) };
  } catch (cause) {
    if (!isConnectionError(cause)) throw cause;
    ctx.log.warn({ error: describeError(cause) }, "database.away");
    return null;
  }
}

async function progressOf({ db }: Context, run: PaymentRun): Promise<RunProgress> {
  const { id, state } = run;
  if (state === "deciding") return { state, done: await countDecisions(db, id), total: await countUsersOwed(db) };
  const total = await countDecisions(db, id);
  return { state, done: total - (await countOpenDecisions(db, id)), total };
}
