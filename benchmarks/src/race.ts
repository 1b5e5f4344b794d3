import { setTimeout as sleep } from "node:timers/promises";
import { type BatchPace, defaultPace } from "@cpa-payouts/pipeline";
import type { RedisServer } from "@cpa-payouts/testing-servers";
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { ContenderName, Setting } from "./contenders.ts";
import { addInvoiceJobs, openBareQueue } from "./jobs.ts";
import { createDatabase, type DecidedNetwork } from "./network.ts";
import { type ContenderProcess, machineCpuMicros, redisCpuMicros, startContender } from "./processes.ts";

const POLL_MS = 10;
/** This share of the jobs warms the process up (its code is compiled, its connections are open) and is not timed. */
const WARM_UP = 0.25;

export interface Entrant {
  readonly label: string;
  readonly contender: ContenderName;
  readonly concurrency: number;
  /** Jobs of a lap; a slow contender gets fewer, so that its lap takes as long. */
  readonly jobs: number;
  /** Overrides of the product's batch settings. */
  readonly batch?: Partial<BatchPace>;
  /** SQL that changes the entrant's copy of the database before the lap. */
  readonly prepare?: string;
}

/** The result of a lap; CPU time is in microseconds per job. */
export interface Lap {
  readonly jobsPerSecond: number;
  readonly workerMicros: number;
  readonly redisMicros: number;
  /** Everything else on the machine: PostgreSQL, the kernel's work for the network, other processes. */
  readonly restMicros: number;
}

/** What one entrant at a time uses: the servers, and a network that is copied for every lap. */
export interface Track extends DecidedNetwork {
  /** The bundled program of the contenders. */
  readonly contenders: string;
  readonly redis: RedisServer;
}

/**
 * Runs every entrant once per round, so that a change in the machine's speed affects all of them alike. Every second round
 * is in reverse order.
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
    for (const entrant of inTurn(entrants, round)) {
      const lap = await runLap(track, entrant, `lap_${round}_${entrants.indexOf(entrant)}`);
      results.get(entrant)?.push(lap);
      onLap(entrant, lap);
    }
  }
  return results;
}

/** The order of a round: every second one is reversed. */
export function inTurn<T>(items: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...items] : [...items].reverse();
}

/** Runs one lap. All jobs are in the queue before the worker starts. */
async function runLap(track: Track, entrant: Entrant, name: string): Promise<Lap> {
  const { contender, concurrency, jobs, prepare } = entrant;
  const database = await createDatabase(track.postgresUrl, name, track.template.name);
  if (prepare) await database.execute(prepare);
  const { queue, redis, remove } = await openBareQueue(track.redis.url, name);
  await addInvoiceJobs(queue, track.runId, jobs);
  const setting: Setting = {
    redisUrl: track.redis.url,
    prefix: name,
    databaseUrl: database.url,
    concurrency,
    pace: { invoices: { ...defaultPace.invoices, ...entrant.batch } },
  };
  const worker = startContender(track.contenders, contender, setting);
  const lap = await Promise.race([time(queue, redis, jobs, worker), worker.ended]);
  await worker.stop();
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

/** Waits until at most `limit` jobs are waiting, delayed or active, and returns their number. */
async function untilLeft(queue: Queue, limit: number): Promise<number> {
  for (;;) {
    const left = await queue.getJobCountByTypes("waiting", "active", "delayed");
    if (left <= limit) return left;
    await sleep(POLL_MS);
  }
}

/** The median and the extremes of the values of several rounds. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Summarizes the values of several rounds. */
export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) };
}

/** The median; NaN without any values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** The throughput of an entrant divided by that of another one, round by round. */
export function ratioOf(laps: readonly Lap[], against: readonly Lap[]): Spread {
  return spreadOf(laps.map((lap, round) => lap.jobsPerSecond / (against[round]?.jobsPerSecond ?? Number.NaN)));
}
