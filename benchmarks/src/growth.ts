import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, findRun, findViolations, type PaymentRun, totalInvoices } from "@cpa-payouts/db";
import { startRun } from "@cpa-payouts/pipeline";
import { withSql } from "@cpa-payouts/testing-servers";
import { Redis } from "ioredis";
import { openProduct } from "./contenders.ts";
import { PAYMENT_DATE } from "./jobs.ts";
import { createNetwork } from "./network.ts";
import { startContender } from "./processes.ts";
import { median } from "./race.ts";
import type { Servers } from "./servers.ts";

export interface GrowthStep {
  readonly users: number;
  readonly decideSeconds: number;
  /** From the end of deciding to the closed run; fan-out and invoices run at the same time. */
  readonly paySeconds: number;
  readonly millisecondsPerInvoice: number;
  /** Peaks, in megabytes. */
  readonly workerMegabytes: number;
  readonly redisMegabytes: number;
  /** NaN where /proc is missing. */
  readonly postgresProcessMegabytes: number;
}

const POLL_MS = 50;
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
  const redis = await servers.startRedis();
  const setting = { redisUrl: redis.url, prefix: "growth", databaseUrl: database.url, pace: {} };
  const product = await openProduct(setting);
  const worker = startContender(servers.contenders, "wholeProduct", { ...setting, concurrency });
  await worker.usage();
  await startRun(product.ctx, { date: PAYMENT_DATE, trigger: "manual", actor: "bench" });
  const run = await Promise.race([untilCompleted(product.ctx.db), worker.ended]);
  const { peakMegabytes: workerMegabytes } = await worker.usage();
  const postgresProcessMegabytes = await largestBackend(database.url);
  const redisMegabytes = await peakOfRedis(redis.url);
  await worker.stop();
  await expectAllPaid(database.url, users);
  await product.close();
  await redis.stop();
  await database.drop();
  const [decideSeconds, paySeconds] = [
    secondsBetween(run.openedAt, run.decidedAt),
    secondsBetween(run.decidedAt, run.completedAt),
  ];
  const millisecondsPerInvoice = ((decideSeconds + paySeconds) * 1_000) / users;
  return {
    users,
    decideSeconds,
    paySeconds,
    millisecondsPerInvoice,
    workerMegabytes,
    redisMegabytes,
    postgresProcessMegabytes,
  };
}

export async function untilCompleted(db: Parameters<typeof findRun>[0]): Promise<PaymentRun> {
  for (;;) {
    const run = await findRun(db, PAYMENT_DATE.date);
    if (run?.state === "completed") return run;
    await sleep(POLL_MS);
  }
}

function secondsBetween(from: Date | null, to: Date | null): number {
  if (!from || !to) throw new Error("the run lacks one of its times");
  return (to.getTime() - from.getTime()) / 1_000;
}

export async function expectAllPaid(url: string, users: number): Promise<void> {
  const { db, close } = connect({ url, max: 1 });
  const violations = await findViolations(db, () => {});
  const { invoices } = await totalInvoices(db, {});
  await close();
  if (violations.length > 0 || invoices !== users)
    throw new Error(`${invoices} of ${users} users were invoiced, ${violations.length} invariants are violated`);
}

export async function peakOfRedis(url: string): Promise<number> {
  const redis = new Redis(url);
  const info = await redis.info("memory");
  redis.disconnect();
  return Number(/^used_memory_peak:(\d+)/m.exec(info)?.[1] ?? Number.NaN) / 1_024 / 1_024;
}

/**
 * The peak memory of the largest server process of a database in megabytes, including the shared buffers that it used; NaN
 * where /proc is missing.
 */
export async function largestBackend(url: string): Promise<number> {
  const rows = await withSql(
    url,
    (sql) => sql<{ pid: number }[]>`select pid from pg_stat_activity where datname = current_database()`,
  );
  const peaks = await Promise.all(rows.map(({ pid }) => peakOfProcess(pid)));
  const known = peaks.filter((peak) => !Number.isNaN(peak));
  return known.length > 0 ? Math.max(...known) : Number.NaN;
}

async function peakOfProcess(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return Number(kilobytes ?? Number.NaN) / 1_024;
}
