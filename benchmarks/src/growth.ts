import { startRun } from "@cpa-payouts/pipeline";
import { PAYMENT_DATE } from "./jobs.ts";
import { createNetwork } from "./network.ts";
import { median } from "./race.ts";
import type { Servers } from "./servers.ts";
import { type Peaks, untilCompleted, withWorker } from "./whole-product.ts";

export interface GrowthStep extends Peaks {
  readonly users: number;
  readonly decideSeconds: number;
  /** From the end of deciding to the closed run; fan-out and invoices run at the same time. */
  readonly paySeconds: number;
  readonly millisecondsPerInvoice: number;
}

/** Small networks are paid repeatedly up to this many users, because a short lap depends on the machine's momentary load. */
const USERS_PER_SIDE = 50_000;
const MOST_LAPS_PER_SIDE = 5;

/**
 * The sizes in the order of their laps: upwards, the largest, and downwards again, so that a change in the machine's speed
 * affects all sizes alike. Small sizes are repeated on both sides.
 */
export function lapsOfGrowth(sizes: readonly number[]): number[] {
  const largest = Math.max(...sizes);
  const upwards = sizes.filter((size) => size < largest).flatMap((size) => Array<number>(lapsPerSide(size)).fill(size));
  return [...upwards, largest, ...[...upwards].reverse()];
}

function lapsPerSide(size: number): number {
  return Math.max(1, Math.min(MOST_LAPS_PER_SIDE, Math.round(USERS_PER_SIDE / size)));
}

/** Combines the laps of each size: the median of their times, and the highest of their peaks. */
export function summarizeGrowth(laps: readonly GrowthStep[]): GrowthStep[] {
  const sizes = [...new Set(laps.map(({ users }) => users))];
  return sizes.map((users) => {
    const same = laps.filter((lap) => lap.users === users);
    const middle = (figure: (lap: GrowthStep) => number) => median(same.map(figure));
    const peak = (figure: (lap: GrowthStep) => number) => Math.max(...same.map(figure));
    return {
      users,
      decideSeconds: middle((lap) => lap.decideSeconds),
      paySeconds: middle((lap) => lap.paySeconds),
      millisecondsPerInvoice: middle((lap) => lap.millisecondsPerInvoice),
      workerMegabytes: peak((lap) => lap.workerMegabytes),
      redisMegabytes: peak((lap) => lap.redisMegabytes),
      postgresProcessMegabytes: peak((lap) => lap.postgresProcessMegabytes),
    };
  });
}

/**
 * Pays `users` users in one run by one worker process, on its own database and Redis.
 *
 * @throws Error when a user was not invoiced or an invariant is violated
 */
export async function payNetwork(servers: Servers, users: number, concurrency: number): Promise<GrowthStep> {
  const database = await createNetwork(servers.postgresUrl, `growth_${users}`, users);
  const { result: run, ...peaks } = await withWorker(servers, { database, users, concurrency }, async ({ ctx }) => {
    await startRun(ctx, { date: PAYMENT_DATE, trigger: "manual", actor: "bench" });
    return untilCompleted(ctx.db);
  });
  const [decideSeconds, paySeconds] = [
    secondsBetween(run.openedAt, run.decidedAt),
    secondsBetween(run.decidedAt, run.completedAt),
  ];
  return {
    users,
    decideSeconds,
    paySeconds,
    millisecondsPerInvoice: ((decideSeconds + paySeconds) * 1_000) / users,
    ...peaks,
  };
}

function secondsBetween(from: Date | null, to: Date | null): number {
  if (!from || !to) throw new Error("the run lacks one of its times");
  return (to.getTime() - from.getTime()) / 1_000;
}
