import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, findRun, findViolations, type PaymentRun, totalInvoices } from "@cpa-payouts/db";
import { withSql } from "@cpa-payouts/testing-servers";
import { Redis } from "ioredis";
import { openProduct } from "./contenders.ts";
import { PAYMENT_DATE } from "./jobs.ts";
import type { BenchDatabase } from "./network.ts";
import { startContender } from "./processes.ts";
import type { Servers } from "./servers.ts";

/** The peaks of memory during a run, in megabytes. */
export interface Peaks {
  readonly workerMegabytes: number;
  readonly redisMegabytes: number;
  /** NaN where /proc is missing. */
  readonly postgresProcessMegabytes: number;
}

export type Product = Awaited<ReturnType<typeof openProduct>>;

const POLL_MS = 50;

/**
 * Has one worker process, with a Redis of its own, pay the users of a database, which is dropped afterwards.
 *
 * @param work drives the run by a context of the product, and ends when all users are paid
 * @throws Error when the worker ends before that, a user was not invoiced or an invariant is violated
 */
export async function withWorker<T>(
  servers: Servers,
  { database, users, concurrency }: { database: BenchDatabase; users: number; concurrency: number },
  work: (product: Product) => Promise<T>,
): Promise<Peaks & { readonly result: T }> {
  const redis = await servers.startRedis();
  const setting = { redisUrl: redis.url, prefix: "whole", databaseUrl: database.url, pace: {} };
  const product = await openProduct(setting);
  const worker = startContender(servers.contenders, "wholeProduct", { ...setting, concurrency });
  await worker.usage();
  const result = await Promise.race([work(product), worker.ended]);
  const { peakMegabytes: workerMegabytes } = await worker.usage();
  const postgresProcessMegabytes = await largestBackend(database.url);
  const redisMegabytes = await peakOfRedis(redis.url);
  await worker.stop();
  await expectAllPaid(database.url, users);
  await product.close();
  await redis.stop();
  await database.drop();
  return { result, workerMegabytes, redisMegabytes, postgresProcessMegabytes };
}

/** Waits until the run of {@link PAYMENT_DATE} is completed. */
export async function untilCompleted(db: Parameters<typeof findRun>[0]): Promise<PaymentRun> {
  for (;;) {
    const run = await findRun(db, PAYMENT_DATE.date);
    if (run?.state === "completed") return run;
    await sleep(POLL_MS);
  }
}

async function expectAllPaid(url: string, users: number): Promise<void> {
  const { db, close } = connect({ url, max: 1 });
  const violations = await findViolations(db, () => {});
  const { invoices } = await totalInvoices(db, {});
  await close();
  if (violations.length > 0 || invoices !== users)
    throw new Error(`${invoices} of ${users} users were invoiced, ${violations.length} invariants are violated`);
}

async function peakOfRedis(url: string): Promise<number> {
  const redis = new Redis(url);
  const info = await redis.info("memory");
  redis.disconnect();
  return Number(/^used_memory_peak:(\d+)/m.exec(info)?.[1] ?? Number.NaN) / 1_024 / 1_024;
}

/**
 * The peak memory of the largest server process of a database in megabytes, including the shared buffers that it used; NaN
 * where /proc is missing.
 */
async function largestBackend(url: string): Promise<number> {
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
