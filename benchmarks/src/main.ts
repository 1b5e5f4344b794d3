import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { defaultPace } from "@cpa-payouts/pipeline";
import { readConfig } from "@cpa-payouts/runtime";
import { chartOf } from "./chart.ts";
import { type FanOutLap, runFanOutLap } from "./fan-out.ts";
import { FOREIGN_KEYS_PER_ROW } from "./foreign-keys.ts";
import { type GrowthStep, lapsOfGrowth, payNetwork, summarizeGrowth } from "./growth.ts";
import { createDecidedNetwork } from "./network.ts";
import { type Entrant, inTurn, type Lap, race, type Track } from "./race.ts";
import { describeMachine, lineOfMachine, printReport, type Report, reportOf } from "./report.ts";
import { type Servers, startServers } from "./servers.ts";
import { payWithoutQueue, type SetBasedLap, type SetBasedSize } from "./set-based.ts";

/** The extent of a measurement. */
interface Extent {
  readonly jobs: number;
  readonly transactionJobs: number;
  readonly rounds: number;
  readonly concurrencies: readonly number[];
  readonly batchSizes: readonly number[];
  /** Sizes of the statement without a queue: all users at once, a thousand at a time, and the batches of a worker. */
  readonly setBased: readonly SetBasedSize[];
  /** Rounds of what runs in this process: the statement without a queue, and the fan-out. */
  readonly inProcessRounds: number;
  readonly growth: readonly number[];
}

/** Users per statement of a busy worker. */
const BATCH = defaultPace.invoices.maxItems;

const FULL: Extent = {
  jobs: 24_000,
  transactionJobs: 2_000,
  rounds: 11,
  concurrencies: [50, 250, 500, 1_000, 2_000],
  batchSizes: [1, 50, 200, 500],
  setBased: [
    { users: 24_000, usersPerStatement: 24_000 },
    { users: 24_000, usersPerStatement: 1_000 },
    { users: 60_000, usersPerStatement: BATCH },
  ],
  inProcessRounds: 5,
  growth: [10_000, 100_000, 1_000_000],
};

/** The extent of `--quick`. */
const QUICK: Extent = {
  jobs: 12_000,
  transactionJobs: 1_000,
  rounds: 3,
  concurrencies: [],
  batchSizes: [],
  setBased: [
    { users: 12_000, usersPerStatement: 12_000 },
    { users: 12_000, usersPerStatement: 1_000 },
    { users: 12_000, usersPerStatement: BATCH },
  ],
  inProcessRounds: 3,
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
  const machine = describeMachine();
  say(`on ${lineOfMachine(machine)}`);
  const { postgresUrl, contenders } = servers;
  const network = await createDecidedNetwork(postgresUrl, "network", extent.jobs);
  const track: Track = { ...network, contenders, redis: await servers.startRedis() };
  const main = await race(track, mainEntrants(extent), extent.rounds, printLap);
  const exploration = await race(track, explorers(extent), 1, printLap);
  const { setBased, fanOut } = await measureInProcess(track, extent);
  const laps: GrowthStep[] = [];
  for (const users of lapsOfGrowth(extent.growth)) {
    const step = await payNetwork(servers, users, CONCURRENCY);
    say(`${users} users: decided in ${step.decideSeconds.toFixed(1)} s, paid in ${step.paySeconds.toFixed(1)} s`);
    laps.push(step);
  }
  return reportOf({ machine, main, exploration, setBased, fanOut, growth: summarizeGrowth(laps) });
}

/** The laps take turns, as those of the race. */
async function measureInProcess(track: Track, { jobs, setBased: sizes, inProcessRounds }: Extent) {
  const setBased = new Map<SetBasedSize, SetBasedLap[]>(sizes.map((size) => [size, []]));
  const fanOut: FanOutLap[] = [];
  const users = Math.max(...sizes.map((size) => size.users));
  const network = await createDecidedNetwork(track.postgresUrl, "set_based", users);
  for (let round = 0; round < inProcessRounds; round += 1) {
    for (const size of inTurn(sizes, round)) {
      const lap = await payWithoutQueue(network, size, `set_based_${round}_${sizes.indexOf(size)}`);
      setBased.get(size)?.push(lap);
      printSetBasedLap(size, lap);
    }
    const lap = await runFanOutLap(track, jobs, round);
    say(`addBulk ${rounded(lap.addBulk)}/s, fan-out ${rounded(lap.fanOut)}/s`);
    fanOut.push(lap);
  }
  return { setBased, fanOut };
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

function printSetBasedLap({ usersPerStatement }: SetBasedSize, lap: SetBasedLap): void {
  const { invoicesPerSecond, cpuMicros, walBytes } = lap;
  const cpu = Number.isNaN(cpuMicros) ? "CPU not measured: needs Linux" : `CPU ${cpuMicros.toFixed(1)} us`;
  say(
    `without a queue, ${usersPerStatement} users per statement: ${rounded(invoicesPerSecond)}/s, ` +
      `${cpu} and WAL ${rounded(walBytes)} bytes per invoice`,
  );
}

function rounded(figure: number | undefined): string {
  return Math.round(figure ?? Number.NaN).toLocaleString("en-US");
}

function say(line: string): void {
  console.error(`bench: ${line}`);
}
