import { fanOut } from "@cpa-payouts/pipeline";
import { openProduct } from "./contenders.ts";
import { addInvoiceJobs, openBareQueue } from "./jobs.ts";
import { createDatabase } from "./network.ts";
import type { Track } from "./race.ts";

/** Jobs per second of two ways to fill the queue with the same jobs. */
export interface FanOutLap {
  readonly addBulk: number;
  readonly fanOut: number;
}

/**
 * Runs a lap of each way in this process: BullMQ's bare call, and the product's step with its cursor. Their order alternates
 * by round.
 *
 * @throws Error when the step does not queue every job
 */
export async function runFanOutLap(track: Track, jobs: number, round: number): Promise<FanOutLap> {
  const name = `fan_out_${round}`;
  const addBulkFirst = round % 2 === 0;
  const bare = () => addBulkOnly(track, jobs, `bare-${round}`);
  if (addBulkFirst) return { addBulk: await bare(), fanOut: await fanOutStep(track, jobs, name) };
  const step = await fanOutStep(track, jobs, name);
  return { addBulk: await bare(), fanOut: step };
}

async function addBulkOnly(track: Track, jobs: number, prefix: string): Promise<number> {
  const { queue, remove } = await openBareQueue(track.redis.url, prefix);
  const start = performance.now();
  await addInvoiceJobs(queue, track.runId, jobs);
  const seconds = (performance.now() - start) / 1_000;
  await remove();
  return jobs / seconds;
}

async function fanOutStep(track: Track, jobs: number, name: string): Promise<number> {
  const database = await createDatabase(track.postgresUrl, name, track.template.name);
  const pace = { highWaterMark: jobs + 1 };
  const setting = { redisUrl: track.redis.url, prefix: name, databaseUrl: database.url, pace };
  const { ctx, close } = await openProduct(setting);
  await ctx.queues.bullmq.invoices.waitUntilReady();
  const start = performance.now();
  // The step snoozes every few seconds, as in a worker.
  while ("snoozeMs" in (await fanOut(ctx, { runId: track.runId })));
  const seconds = (performance.now() - start) / 1_000;
  const queued = await ctx.queues.bullmq.invoices.getJobCountByTypes("waiting");
  if (queued !== jobs) throw new Error(`the fan-out queued ${queued} of ${jobs} jobs`);
  await ctx.queues.bullmq.invoices.obliterate({ force: true });
  await close();
  await database.drop();
  return jobs / seconds;
}
