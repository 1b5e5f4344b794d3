import { setTimeout as sleep } from "node:timers/promises";
import { type BatchPace, defaultPace } from "@cpa-payouts/pipeline";
import type { RedisServer } from "@cpa-payouts/testing";
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { ContenderName } from "./contenders.ts";
import { addInvoiceJobs, openBareQueue } from "./jobs.ts";
import { type BenchDatabase, createDatabase } from "./network.ts";
import { type ContenderProcess, machineCpuMicros, redisCpuMicros, startContender } from "./processes.ts";

const POLL_MS = 10;
/** This share of the jobs warms the process up (its code is compiled, its connections are open) and is not timed. */
const WARM_UP = 0.25;

export interface Entrant {
  readonly label: string;
  readonly contender: ContenderName;
  readonly concurrency: number;
  /** Jobs of a lap; slow contenders need fewer for the same length of time. */
  readonly jobs: number;
  /** How the product gathers, where it is not by its defaults. */
  readonly batch?: Partial<BatchPace>;
  /** Changes the entrant's copy of the database before it starts. */
  readonly prepare?: string;
}

/** What one lap came to; CPU time is in microseconds per job. */
export interface Lap {
  readonly jobsPerSecond: number;
  readonly workerMicros: number;
  readonly redisMicros: number;
  /** All the rest of the machine: PostgreSQL, the kernel's work for the network, whatever else runs. */
  readonly restMicros: number;
}

/** What all entrants share, one at a time: the servers, and a decided and unpaid network that is copied for every lap. */
export interface Track {
  readonly postgresUrl: string;
  readonly contenders: string;
  readonly redis: RedisServer;
  readonly template: BenchDatabase;
  readonly runId: number;
}

/**
 * Runs every entrant in turn, as often as there are rounds, so that a machine that gets slower or faster meanwhile does
 * so for all of them. Every second round goes backwards.
 *
 * @returns the laps of each entrant, in the order of the rounds
 */
export async function race(
  track: Track,
  entrants: readonly Entrant[],
  rounds: number,
  onLap: (entrant: Entrant, lap: Lap) => void,
): Promise<Map<Entrant, Lap[]>> {
  const results = new Map<Entrant, Lap[]>(entrants.map((entrant) => [entrant, []]));
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? entrants : [...entrants].reverse();
    for (const entrant of order) {
      const lap = await runLap(track, entrant, `lap_${round}_${entrants.indexOf(entrant)}`);
      results.get(entrant)?.push(lap);
      onLap(entrant, lap);
    }
  }
  return results;
}

/** The jobs are all in the queue before the worker starts. */
async function runLap(track: Track, entrant: Entrant, name: string): Promise<Lap> {
  const { contender, concurrency, jobs, prepare } = entrant;
  const database = await createDatabase(track.postgresUrl, name, track.template.name);
  if (prepare) await database.execute(prepare);
  const { queue, redis, remove } = await openBareQueue(track.redis.url, name);
  await addInvoiceJobs(queue, track.runId, jobs);
  const process = startContender(track.contenders, contender, {
    redisUrl: track.redis.url,
    prefix: name,
    databaseUrl: database.url,
    concurrency,
    pace: { invoices: { ...defaultPace.invoices, ...entrant.batch } },
  });
  const lap = await Promise.race([time(queue, redis, jobs, process), process.ended]);
  await process.stop();
  await remove();
  await database.drop();
  return lap;
}

async function time(queue: Queue, redis: Redis, jobs: number, process: ContenderProcess): Promise<Lap> {
  const measure = async (left: number) => ({
    left: await untilLeft(queue, left),
    at: performance.now(),
    worker: (await process.usage()).cpuMicros,
    redis: await redisCpuMicros(redis),
    machine: machineCpuMicros(),
  });
  const warm = await measure(Math.floor(jobs * (1 - WARM_UP)));
  const end = await measure(0);
  const workerMicros = (end.worker - warm.worker) / warm.left;
  const redisMicros = (end.redis - warm.redis) / warm.left;
  const restMicros = (end.machine - warm.machine) / warm.left - workerMicros - redisMicros;
  return { jobsPerSecond: (warm.left * 1_000) / (end.at - warm.at), workerMicros, redisMicros, restMicros };
}

/** Waits until no more than so many jobs are left, waiting or being worked on, and tells how many there are. */
async function untilLeft(queue: Queue, limit: number): Promise<number> {
  for (;;) {
    const left = await queue.getJobCountByTypes("waiting", "active", "delayed");
    if (left <= limit) return left;
    await sleep(POLL_MS);
  }
}

/** The middle, the lowest and the highest of the figures of several rounds. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export function spreadOf(figures: readonly number[]): Spread {
  return { median: median(figures), lowest: Math.min(...figures), highest: Math.max(...figures) };
}

/** The middle one of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** How two entrants compare, round by round. */
export function ratioOf(laps: readonly Lap[], against: readonly Lap[]): Spread {
  return spreadOf(laps.map((lap, round) => lap.jobsPerSecond / (against[round]?.jobsPerSecond ?? Number.NaN)));
}
