// `npm run bench:recovery`: one worker process pays a network in an ordinary run, after all jobs were lost, and after all users
// failed and are retried. Shows the memory of the processes and the longest tick, which must stay within the deadline of a job.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { DEADLINE_MS } from "@cpa-payouts/jobs";
import { retryRun, tick } from "@cpa-payouts/pipeline";
import { readConfig } from "@cpa-payouts/runtime";
import { openProduct } from "./contenders.ts";
import { expectAllPaid, largestBackend, peakOfRedis, untilCompleted } from "./growth.ts";
import { PAYMENT_DATE } from "./jobs.ts";
import { type BenchDatabase, createDatabase, createDecidedNetwork } from "./network.ts";
import { startContender } from "./processes.ts";
import { type Servers, startServers } from "./servers.ts";

const { values: options } = parseArgs({ options: { users: { type: "string", default: "1000000" } } });
const users = Number(options.users);

/** Between two ticks; an installation has one a minute. */
const TICK_PAUSE_MS = 10_000;

type Product = Awaited<ReturnType<typeof openProduct>>;

interface Recovery {
  readonly name: string;
  /** What happened to the run before the worker starts; without it, all its decisions are open and no job is queued. */
  readonly damage?: string;
  /** What an operator does about it. */
  repair?(product: Product): Promise<unknown>;
}

const recoveries: readonly Recovery[] = [
  { name: "ordinary run" },
  {
    name: "jobs lost",
    damage: "update payment_runs set state = 'processing', fanned_out_at = now(), fan_out_cursor = 9007199254740991",
  },
  {
    name: "users failed",
    damage: `update run_decisions set outcome = 'failed', error = 'the connection was lost', settled_at = now();
      update payment_runs set state = 'completed', fanned_out_at = now(), completed_at = now(), fan_out_cursor = 9007199254740991`,
    repair: ({ ctx }) => retryRun(ctx, { paymentDate: PAYMENT_DATE.date, actor: "bench" }),
  },
];

const servers = await startServers();
try {
  const { template } = await createDecidedNetwork(servers.postgresUrl, "network", users);
  for (const recovery of recoveries) await measure(servers, template, recovery);
} finally {
  await servers.stop();
}

async function measure(servers: Servers, network: BenchDatabase, { name, damage, repair }: Recovery): Promise<void> {
  const database = await createDatabase(servers.postgresUrl, "recovery", network.name);
  if (damage) await database.execute(damage);
  const redis = await servers.startRedis();
  const setting = { redisUrl: redis.url, prefix: "recovery", databaseUrl: database.url, pace: {} };
  const product = await openProduct(setting);
  const concurrency = readConfig({}, new Date()).workerConcurrency;
  const worker = startContender(servers.contenders, "wholeProduct", { ...setting, concurrency });
  await worker.usage();

  const start = performance.now();
  await repair?.(product);
  const repaired = performance.now();
  const longestTick = await tickUntilPaid(product, worker.ended);
  const end = performance.now();

  const { peakMegabytes } = await worker.usage();
  const backend = await largestBackend(database.url);
  const redisPeak = await peakOfRedis(redis.url);
  await worker.stop();
  await expectAllPaid(database.url, users);
  await product.close();
  await redis.stop();
  await database.drop();
  console.log(
    `${users} users, ${name}: repair ${seconds(repaired - start)} s, paid after ${seconds(end - start)} s, ` +
      `longest tick ${seconds(longestTick)} s (deadline ${seconds(DEADLINE_MS)} s); MB: worker ${peakMegabytes.toFixed(0)}, ` +
      `Redis ${redisPeak.toFixed(0)}, largest PostgreSQL process ${backend.toFixed(0)}`,
  );
}

/** @returns the time of the longest tick in milliseconds */
async function tickUntilPaid({ ctx }: Product, workerEnded: Promise<never>): Promise<number> {
  const completed = untilCompleted(ctx.db);
  let isPaid = false;
  const paid = Promise.race([completed, workerEnded]).finally(() => {
    isPaid = true;
  });
  let longest = 0;
  while (!isPaid) {
    const begin = performance.now();
    await tick(ctx);
    longest = Math.max(longest, performance.now() - begin);
    await Promise.race([paid, sleep(TICK_PAUSE_MS)]);
  }
  await paid;
  return longest;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
