// `npm run bench:recovery`: one worker process pays a network in an ordinary run, after all jobs were lost, and after all users
// failed and are retried. Shows the memory of the processes and the longest tick, which must stay within the deadline of a job.
import { setTimeout as sleep } from "node:timers/promises";
import { DEADLINE_MS } from "@cpa-payouts/jobs";
import { retryRun, tick } from "@cpa-payouts/pipeline";
import { readConfig } from "@cpa-payouts/runtime";
import { PAYMENT_DATE } from "./jobs.ts";
import { type BenchDatabase, createDatabase, createDecidedNetwork } from "./network.ts";
import { type Servers, startServers } from "./servers.ts";
import { readOwnSizes } from "./sizes.ts";
import { type Product, untilCompleted, withWorker } from "./whole-product.ts";

const { users } = readOwnSizes("bench:recovery", { users: { usual: 1_000_000, most: 5_000_000 } });

/** Between two ticks; an installation has one a minute. */
const TICK_PAUSE_MS = 10_000;

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
  const concurrency = readConfig({}, new Date()).workerConcurrency;
  const { result, ...peaks } = await withWorker(servers, { database, users, concurrency }, async (product) => {
    const start = performance.now();
    await repair?.(product);
    const repaired = performance.now();
    const longestTick = await tickUntilPaid(product);
    return { repair: repaired - start, paid: performance.now() - start, longestTick };
  });
  console.log(
    `${users} users, ${name}: repair ${seconds(result.repair)} s, paid after ${seconds(result.paid)} s, ` +
      `longest tick ${seconds(result.longestTick)} s (deadline ${seconds(DEADLINE_MS)} s); MB: worker ${peaks.workerMegabytes.toFixed(0)}, ` +
      `Redis ${peaks.redisMegabytes.toFixed(0)}, largest PostgreSQL process ${peaks.postgresProcessMegabytes.toFixed(0)}`,
  );
}

/** @returns the time of the longest tick in milliseconds */
async function tickUntilPaid({ ctx }: Product): Promise<number> {
  let isPaid = false;
  const paid = untilCompleted(ctx.db).finally(() => {
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
