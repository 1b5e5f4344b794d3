import type { PayoutsProcess } from "@cpa-payouts/testing-servers";

/** A constant number of worker processes: each process that is stopped is replaced by another. */
export interface WorkerPool {
  /** Every process started so far, in order. */
  readonly started: readonly PayoutsProcess[];
  /**
   * Sends a signal to one of the present processes, once it has logged an event, and starts another one in its place.
   *
   * @param index which of the present processes; the one that has been there longest is 0
   * @returns at once, with the promise of its exit code
   */
  replace(index: number, signal: NodeJS.Signals, event: string): Promise<{ readonly exit: Promise<number | null> }>;
  /** Stops the present processes in order, and returns their exit codes. */
  stop(): Promise<(number | null)[]>;
  /** Kills all processes that still run, and starts no more: for the end of a test that failed half-way. */
  kill(): void;
}

/** Starts a pool of workers. */
export function startPool(size: number, start: () => PayoutsProcess): WorkerPool {
  const started = Array.from({ length: size }, start);
  let present = [...started];
  return {
    started,
    replace: async (index, signal, event) => {
      const chosen = present[index];
      if (!chosen) throw new Error("the pool was stopped");
      await chosen.untilSays(event);
      if (!present.includes(chosen)) throw new Error("the pool was stopped");
      const exit = chosen.stop(signal);
      const another = start();
      started.push(another);
      present = [...present.filter((worker) => worker !== chosen), another];
      return { exit };
    },
    stop: async () => {
      const last = present;
      present = [];
      await Promise.all(last.map((worker) => worker.untilSays("worker.started")));
      return Promise.all(last.map((worker) => worker.stop()));
    },
    kill: () => {
      present = [];
      for (const { child } of started) child.kill("SIGKILL");
    },
  };
}

/** A line of a worker's log. */
export interface WorkerLine {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The log lines of workers: all, or those of an event. The last line of a killed worker may be incomplete and is left out. */
export function linesOf(workers: readonly PayoutsProcess[], event?: string): WorkerLine[] {
  return workers
    .flatMap((worker) => worker.stderr().split("\n").slice(0, -1))
    .map((line) => JSON.parse(line) as WorkerLine)
    .filter((line) => event === undefined || line.event === event);
}
