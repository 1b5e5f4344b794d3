import { availableParallelism, cpus } from "node:os";
import type { FanOutLap } from "./fan-out.ts";
import type { GrowthStep } from "./growth.ts";
import { type Entrant, type Lap, median, ratioOf, type Spread, spreadOf } from "./race.ts";

/** The raw results of a benchmark. */
interface Measurements {
  readonly main: ReadonlyMap<Entrant, readonly Lap[]>;
  readonly exploration: ReadonlyMap<Entrant, readonly Lap[]>;
  /** Invoices per second by users per statement. */
  readonly setBased: ReadonlyMap<number, number>;
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

interface Target {
  readonly figure: string;
  readonly limit: number;
  readonly isAtLeast: boolean;
  readonly reached: number;
  readonly detail: string;
}

/** The output of `--json`; rates are per second, memory is in megabytes, CPU time in microseconds per job. */
export interface Report {
  readonly machine: { readonly cores: number; readonly cpu: string; readonly node: string };
  readonly targets: readonly Target[];
  readonly throughput: readonly Throughput[];
  readonly exploration: readonly Throughput[];
  readonly withoutQueue: readonly { readonly usersPerStatement: number; readonly invoicesPerSecond: number }[];
  readonly fanOut: readonly FanOutLap[];
  readonly growth: readonly GrowthStep[];
}

/**
 * Computes the report.
 *
 * @throws Error when no network was paid
 */
export function reportOf(measured: Measurements): Report {
  const { setBased, fanOut, growth } = measured;
  return {
    machine: { cores: availableParallelism(), cpu: cpus()[0]?.model ?? "unknown", node: process.version },
    targets: targetsOf(measured),
    throughput: throughputOf(measured.main),
    exploration: throughputOf(measured.exploration),
    withoutQueue: [...setBased].map(([usersPerStatement, invoicesPerSecond]) => ({
      usersPerStatement,
      invoicesPerSecond,
    })),
    fanOut,
    growth,
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

function targetsOf({ main, fanOut, growth }: Measurements): Target[] {
  const against = (label: string) => ratioOf(lapsOf(main, "create-invoice"), lapsOf(main, label));
  const [smallest, largest] = [growth[0], growth.at(-1)];
  if (!smallest || !largest) throw new Error("no network was paid");
  const cost = largest.millisecondsPerInvoice / smallest.millisecondsPerInvoice;
  const memory = Math.max(largest.workerMegabytes, largest.postgresProcessMegabytes || 0);
  const users = largest.users.toLocaleString("en-US");
  return [
    atLeast("create-invoice / no-op", 0.75, against("no-op")),
    atLeast("create-invoice / one transaction per job", 5, against("one transaction per job")),
    atLeast("fan-out / addBulk", 0.9, spreadOf(fanOut.map((lap) => lap.fanOut / lap.addBulk))),
    atMost(
      "cost per invoice, largest network / smallest",
      1.15,
      cost,
      `${users} against ${smallest.users.toLocaleString("en-US")} users`,
    ),
    atMost("memory of Redis, MB", 150, largest.redisMegabytes, `${users} users`),
    atMost("memory of any process, MB", 300, memory, `${users} users`),
    atMost("decide, seconds", 20, largest.decideSeconds, `${users} users`),
  ];
}

function atLeast(figure: string, limit: number, { median: reached, lowest, highest }: Spread): Target {
  const detail = `single rounds ${lowest.toFixed(2)} to ${highest.toFixed(2)}`;
  return { figure, limit, isAtLeast: true, reached, detail };
}

function atMost(figure: string, limit: number, reached: number, detail: string): Target {
  return { figure, limit, isAtLeast: false, reached, detail };
}

function isReached({ isAtLeast, limit, reached }: Target): boolean {
  return isAtLeast ? reached >= limit : reached <= limit;
}

/** Prints the report as tables. */
export function printReport(report: Report, print: (line: string) => void): void {
  const { machine, growth, withoutQueue } = report;
  print(`\n${machine.cores} cores, ${machine.cpu}, Node ${machine.node}`);
  printThroughput("One worker process", report.throughput, print);
  if (report.exploration.length > 0) printThroughput("Concurrency and batch size", report.exploration, print);
  print("\nWithout a queue");
  for (const { usersPerStatement, invoicesPerSecond } of withoutQueue)
    print(`  ${cell(usersPerStatement, 9)} users per statement ${cell(invoicesPerSecond, 9)}/s`);
  print("\nA whole run by one worker process");
  print("      users   decide s      pay s   ms/invoice   worker MB   Redis MB   largest PostgreSQL process MB");
  for (const step of growth)
    print(
      `${cell(step.users, 11)}${cell(step.decideSeconds, 11, 1)}${cell(step.paySeconds, 11, 1)}${cell(step.millisecondsPerInvoice, 13, 3)}` +
        `${cell(step.workerMegabytes, 12)}${cell(step.redisMegabytes, 11)}${cell(step.postgresProcessMegabytes, 14)}`,
    );
  print("\nTargets");
  for (const target of report.targets) {
    const sign = target.isAtLeast ? ">=" : "<=";
    const verdict = isReached(target) ? "reached" : "MISSED ";
    print(
      `  ${verdict}  ${target.figure.padEnd(45)} ${cell(target.reached, 8, 2)}  ${sign} ${target.limit}  (${target.detail})`,
    );
  }
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

function cell(figure: number, width: number, digits = 0): string {
  const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return (Number.isNaN(figure) ? "-" : figure.toLocaleString("en-US", format)).padStart(width);
}
