import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { parseArgs } from "node:util";
import { readConfig } from "@cpa-payouts/runtime";
import { chartOf } from "./chart.ts";
import { type FanOutLap, runFanOutLap } from "./fan-out.ts";
import { FOREIGN_KEYS_PER_ROW } from "./foreign-keys.ts";
import { type GrowthStep, lapsOfGrowth, payNetwork, summarizeGrowth } from "./growth.ts";
import { createNetwork, decideNetwork } from "./network.ts";
import { type Entrant, type Lap, race, type Track } from "./race.ts";
import { printReport, type Report, reportOf } from "./report.ts";
import { type Servers, startServers } from "./servers.ts";
import { payWithoutQueue } from "./set-based.ts";

/** The extent of a measurement. */
interface Extent {
  readonly jobs: number;
  readonly transactionJobs: number;
  readonly rounds: number;
  readonly concurrencies: readonly number[];
  readonly batchSizes: readonly number[];
  readonly fanOutRounds: number;
  readonly growth: readonly number[];
}

const FULL: Extent = {
  jobs: 24_000,
  transactionJobs: 2_000,
  rounds: 11,
  concurrencies: [50, 250, 500, 1_000, 2_000],
  batchSizes: [1, 50, 200, 500],
  fanOutRounds: 5,
  growth: [10_000, 100_000, 1_000_000],
};

/** The extent of `--quick`. */
const QUICK: Extent = {
  jobs: 12_000,
  transactionJobs: 1_000,
  rounds: 3,
  concurrencies: [],
  batchSizes: [],
  fanOutRounds: 2,
  growth: [3_000, 10_000],
};

/** The concurrency of the main comparison: the product's default. */
const CONCURRENCY = readConfig({}, new Date()).workerConcurrency;

const { values: options } = parseArgs({
  options: { quick: { type: "boolean", default: false }, json: { type: "string" }, chart: { type: "string" } },
});

const servers = await startServers();
try {
  const report = await measure(servers, options.quick ? QUICK : FULL);
  printReport(report, (line) => console.log(line));
  if (options.json) await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.chart) await writeFile(options.chart, chartOf(report));
} finally {
  await servers.stop();
}

async function measure(servers: Servers, extent: Extent): Promise<Report> {
  say(`on ${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"}), Node ${process.version}`);
  const template = await createNetwork(servers.postgresUrl, "network", extent.jobs);
  const { runId } = await decideNetwork(template);
  const { postgresUrl, contenders } = servers;
  const track: Track = { postgresUrl, contenders, redis: await servers.startRedis(), template, runId };
  const main = await race(track, mainEntrants(extent), extent.rounds, printLap);
  const exploration = await race(track, explorers(extent), 1, printLap);
  const setBased = new Map<number, number>();
  for (const perStatement of [extent.jobs, 1_000]) {
    setBased.set(perStatement, await payWithoutQueue(track, extent.jobs, perStatement));
    say(`without a queue, ${perStatement} users per statement: ${rounded(setBased.get(perStatement))}/s`);
  }
  const fanOut: FanOutLap[] = [];
  for (let round = 0; round < extent.fanOutRounds; round += 1) {
    const lap = await runFanOutLap(track, extent.jobs, round);
    say(`addBulk ${rounded(lap.addBulk)}/s, fan-out ${rounded(lap.fanOut)}/s`);
    fanOut.push(lap);
  }
  const laps: GrowthStep[] = [];
  for (const users of lapsOfGrowth(extent.growth)) {
    const step = await payNetwork(servers, users, CONCURRENCY);
    say(`${users} users: decided in ${step.decideSeconds.toFixed(1)} s, paid in ${step.paySeconds.toFixed(1)} s`);
    laps.push(step);
  }
  return reportOf({ main, exploration, setBased, fanOut, growth: summarizeGrowth(laps) });
}

function mainEntrants({ jobs, transactionJobs }: Extent): Entrant[] {
  const concurrency = CONCURRENCY;
  const prepare = FOREIGN_KEYS_PER_ROW;
  return [
    { label: "no-op", contender: "noop", concurrency, jobs },
    { label: "create-invoice", contender: "product", concurrency, jobs },
    { label: "with foreign keys per row", contender: "product", concurrency, jobs, prepare },
    { label: "one transaction per job", contender: "oneTransaction", concurrency, jobs: transactionJobs, prepare },
  ];
}

/** At each concurrency the no-op, and the product with several batch sizes. */
function explorers({ jobs, transactionJobs, concurrencies, batchSizes }: Extent): Entrant[] {
  return concurrencies.flatMap((concurrency) => [
    { label: "no-op", contender: "noop" as const, concurrency, jobs },
    ...batchSizes.map((maxItems) => ({
      label: `create-invoice, ${maxItems} per statement`,
      contender: "product" as const,
      concurrency,
      jobs: maxItems === 1 ? transactionJobs : jobs,
      batch: { maxItems },
    })),
  ]);
}

function printLap({ label, concurrency }: Entrant, lap: Lap): void {
  say(`${label} (${concurrency} at a time): ${rounded(lap.jobsPerSecond)} jobs/s`);
}

function rounded(figure: number | undefined): string {
  return Math.round(figure ?? Number.NaN).toLocaleString("en-US");
}

function say(line: string): void {
  console.error(`bench: ${line}`);
}
