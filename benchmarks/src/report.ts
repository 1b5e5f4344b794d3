import { availableParallelism, cpus, loadavg } from "node:os";
import type { FanOutLap } from "./fan-out.ts";
import type { GrowthStep } from "./growth.ts";
import { type Entrant, type Lap, median, ratioOf, type Spread, spreadOf } from "./race.ts";
import type { SetBasedLap, SetBasedSize } from "./set-based.ts";
import { atLeast, atMost, lineOf, type Target } from "./targets.ts";

/** Where a benchmark ran. */
interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly node: string;
  /** Processes that wanted a core in the minute before. Rates and ratios are only true of a machine without other work. */
  readonly load: number;
}

/** The raw results of a benchmark. */
interface Measurements {
  readonly machine: Machine;
  readonly main: ReadonlyMap<Entrant, readonly Lap[]>;
  readonly exploration: ReadonlyMap<Entrant, readonly Lap[]>;
  readonly setBased: ReadonlyMap<SetBasedSize, readonly SetBasedLap[]>;
  readonly fanOut: readonly FanOutLap[];
  readonly growth: readonly GrowthStep[];
}

interface Throughput {
  readonly label: string;
  readonly concurrency: number;
  readonly jobsPerSecond: number;
  /** Relative to the no-op of the same concurrency; the lowest and highest are those of single rounds. */
  readonly ratio: Spread;
  readonly workerMicros: number;
  readonly redisMicros: number;
  readonly restMicros: number;
}

/** The laps of the statement without a queue, of one size. */
interface WithoutQueue extends SetBasedSize {
  readonly laps: number;
  readonly invoicesPerSecond: Spread;
  /** NaN where the system does not tell it. */
  readonly cpuMicros: Spread;
  readonly walBytes: Spread;
}

/** The output of `--json`; rates are per second, memory is in megabytes, CPU time in microseconds per job or invoice. */
export interface Report {
  readonly machine: Machine;
  readonly targets: readonly Target[];
  readonly throughput: readonly Throughput[];
  readonly exploration: readonly Throughput[];
  readonly withoutQueue: readonly WithoutQueue[];
  readonly fanOut: readonly FanOutLap[];
  readonly growth: readonly GrowthStep[];
}

/** Describes this machine, and its load before the benchmark adds its own. */
export function describeMachine(): Machine {
  const [load = Number.NaN] = loadavg();
  return { cores: availableParallelism(), cpu: cpus()[0]?.model ?? "unknown", node: process.version, load };
}

/** The machine in one line. */
export function lineOfMachine({ cores, cpu, node, load }: Machine): string {
  return `${cores} cores, ${cpu}, Node ${node}, load ${load.toFixed(1)} before the start`;
}

/**
 * Computes the report.
 *
 * @throws Error when no network was paid
 */
export function reportOf(measured: Measurements): Report {
  const { machine, fanOut, growth } = measured;
  const withoutQueue = [...measured.setBased].map(([size, laps]) => summarizeSetBased(size, laps));
  return {
    machine,
    targets: [
      ...targetsOfWorkers(measured.main),
      ...targetsWithoutQueue(withoutQueue, lapsOf(measured.main, "no-op")),
      ...targetsOfRuns(fanOut, growth),
    ],
    throughput: throughputOf(measured.main),
    exploration: throughputOf(measured.exploration),
    withoutQueue,
    fanOut,
    growth,
  };
}

function summarizeSetBased(size: SetBasedSize, laps: readonly SetBasedLap[]): WithoutQueue {
  return {
    ...size,
    laps: laps.length,
    invoicesPerSecond: spreadOf(laps.map((lap) => lap.invoicesPerSecond)),
    cpuMicros: spreadOf(laps.map((lap) => lap.cpuMicros)),
    walBytes: spreadOf(laps.map((lap) => lap.walBytes)),
  };
}

function throughputOf(results: ReadonlyMap<Entrant, readonly Lap[]>): Throughput[] {
  return [...results].map(([{ label, concurrency }, laps]) => ({
    label,
    concurrency,
    jobsPerSecond: median(laps.map((lap) => lap.jobsPerSecond)),
    ratio: ratioOf(laps, lapsOf(results, "no-op", concurrency)),
    workerMicros: median(laps.map((lap) => lap.workerMicros)),
    redisMicros: median(laps.map((lap) => lap.redisMicros)),
    restMicros: median(laps.map((lap) => lap.restMicros)),
  }));
}

function lapsOf(results: ReadonlyMap<Entrant, readonly Lap[]>, label: string, concurrency?: number): readonly Lap[] {
  const matches = ([entrant]: [Entrant, unknown]) =>
    entrant.label === label && (concurrency === undefined || entrant.concurrency === concurrency);
  return [...results].find(matches)?.[1] ?? [];
}

/**
 * CPU and WAL are those of the batches of a worker, which are the last size; the rate is that of all users at once, the first.
 * Rate and CPU time are also divided by those of a no-op: processors that differ by half in speed differ little in these two.
 */
export function targetsWithoutQueue(rows: readonly WithoutQueue[], noOp: readonly Lap[]): Target[] {
  const [atOnce, asWorker] = [rows[0], rows.at(-1)];
  if (!atOnce || !asWorker) throw new Error("nothing was paid without a queue");
  const { laps, cpuMicros, walBytes, users, usersPerStatement } = asWorker;
  const extent = `${laps} laps of ${format(users)} users, ${usersPerStatement} per statement`;
  const noOpRate = median(noOp.map(({ jobsPerSecond }) => jobsPerSecond));
  const noOpMicros = median(noOp.map(({ workerMicros, redisMicros }) => workerMicros + redisMicros));
  return [
    atLeast("without a queue, invoices/s", 25_000, atOnce.invoicesPerSecond),
    atLeast("without a queue / no-op", 1.4, dividedBy(noOpRate, atOnce.invoicesPerSecond)),
    atMost(
      "PostgreSQL's CPU per invoice, us",
      50,
      cpuMicros.median,
      Number.isNaN(cpuMicros.median) ? "needs Linux" : `median; quietest lap ${cpuMicros.lowest.toFixed(2)}; ${extent}`,
    ),
    atMost(
      "PostgreSQL's CPU per invoice / no-op's CPU",
      0.5,
      cpuMicros.median / noOpMicros,
      Number.isNaN(cpuMicros.median) ? "needs Linux" : `a no-op takes ${cell(noOpMicros, 0)} us of worker and Redis`,
    ),
    atMost(
      "WAL per invoice, bytes",
      2_500,
      walBytes.median,
      `median, with the page images that follow a checkpoint; lowest ${format(walBytes.lowest)}; ${extent}`,
    ),
  ];
}

function dividedBy(divisor: number, { median, lowest, highest }: Spread): Spread {
  return { median: median / divisor, lowest: lowest / divisor, highest: highest / divisor };
}

function targetsOfRuns(fanOut: readonly FanOutLap[], growth: readonly GrowthStep[]): Target[] {
  const [smallest, largest] = [growth[0], growth.at(-1)];
  if (!smallest || !largest) throw new Error("no network was paid");
  const cost = largest.millisecondsPerInvoice / smallest.millisecondsPerInvoice;
  const { workerMegabytes, postgresProcessMegabytes } = largest;
  const memory = Math.max(workerMegabytes, postgresProcessMegabytes || 0);
  const users = `${format(largest.users)} users`;
  const processes = `worker ${cell(workerMegabytes, 0)}, PostgreSQL with shared buffers ${cell(postgresProcessMegabytes, 0)}`;
  return [
    atLeast("fan-out / addBulk", 1.4, spreadOf(fanOut.map((lap) => lap.fanOut / lap.addBulk))),
    atMost(
      "cost per invoice, largest network / smallest",
      1,
      cost,
      `${format(largest.users)} against ${format(smallest.users)} users`,
    ),
    atMost("memory of Redis, MB", 25, largest.redisMegabytes, users),
    atMost("memory of any process, MB", 250, memory, `${users}; ${processes}`),
    atMost("decide, seconds", 6, largest.decideSeconds, users),
  ];
}

function targetsOfWorkers(main: Measurements["main"]): Target[] {
  const ratio = (label: string, against: string) => ratioOf(lapsOf(main, label), lapsOf(main, against));
  return [
    atLeast("create-invoice / no-op", 0.7, ratio("create-invoice", "no-op")),
    atLeast("create-invoice / one transaction per job", 20, ratio("create-invoice", "one transaction per job")),
  ];
}

/** Prints the report as tables. */
export function printReport(report: Report, print: (line: string) => void): void {
  const { machine, growth, withoutQueue } = report;
  print(`\n${lineOfMachine(machine)}`);
  printThroughput("One worker process", report.throughput, print);
  if (report.exploration.length > 0) printThroughput("Concurrency and batch size", report.exploration, print);
  printWithoutQueue(withoutQueue, print);
  print("\nA whole run by one worker process");
  print("      users   decide s      pay s   ms/invoice   worker MB   Redis MB   largest PostgreSQL process MB");
  for (const step of growth)
    print(
      `${cell(step.users, 11)}${cell(step.decideSeconds, 11, 1)}${cell(step.paySeconds, 11, 1)}${cell(step.millisecondsPerInvoice, 13, 3)}` +
        `${cell(step.workerMegabytes, 12)}${cell(step.redisMegabytes, 11)}${cell(step.postgresProcessMegabytes, 14)}`,
    );
  print("\nTargets");
  for (const target of report.targets) print(lineOf(target));
}

function printWithoutQueue(rows: readonly WithoutQueue[], print: (line: string) => void): void {
  print(
    "\nWithout a queue (PostgreSQL: median and quietest lap; WAL: median, with the page images that follow a checkpoint)",
  );
  print("      users   per statement   laps   invoices/s   PostgreSQL's CPU us per invoice   WAL bytes per invoice");
  for (const { users, usersPerStatement, laps, invoicesPerSecond, cpuMicros, walBytes } of rows)
    print(
      `${cell(users, 11)}${cell(usersPerStatement, 16)}${cell(laps, 7)}${cell(invoicesPerSecond.median, 13)}` +
        `${cell(cpuMicros.median, 26, 1)}${cell(cpuMicros.lowest, 8, 1)}${cell(walBytes.median, 24)}`,
    );
}

function printThroughput(title: string, rows: readonly Throughput[], print: (line: string) => void): void {
  print(`\n${title}`);
  print(`  ${"".padEnd(38)} at a time     jobs/s   / no-op   CPU us per job: worker   Redis    rest`);
  for (const row of rows)
    print(
      `  ${row.label.padEnd(38)}${cell(row.concurrency, 10)}${cell(row.jobsPerSecond, 11)}${cell(row.ratio.median, 10, 2)}` +
        `${cell(row.workerMicros, 25)}${cell(row.redisMicros, 8)}${cell(row.restMicros, 8)}`,
    );
}

function format(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

function cell(figure: number, width: number, digits = 0): string {
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return (Number.isNaN(figure) ? "-" : figure.toLocaleString("en-US", format)).padStart(width);
}
