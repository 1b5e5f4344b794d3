import type { PayoutsProcess } from "../payouts.ts";

/** Worker processes of which always the same number is there, whatever becomes of each. */
export interface WorkerPool {
  /** Every process there ever was, in the order they were started. */
  readonly started: readonly PayoutsProcess[];
  /**
   * Sends a signal to the process that has been there longest, once it works, and starts another one in its place.
   *
   * @returns at once, with the promise of its exit code
   */
  replaceOldest(signal: NodeJS.Signals): Promise<{ readonly exit: Promise<number | null> }>;
  /** Stops those that are there in order, and answers with their exit codes. */
  stop(): Promise<(number | null)[]>;
  /** Kills whatever is left, and starts no more: for the end of a test that failed half-way. */
  kill(): void;
}

/** Starts a pool of workers. */
export function startPool(size: number, start: () => PayoutsProcess): WorkerPool {
  const started = Array.from({ length: size }, start);
  let present = [...started];
  return {
    started,
    replaceOldest: async (signal) => {
      const [oldest, ...others] = present;
      if (!oldest) throw new Error("the pool was stopped");
      await oldest.untilSays("worker.started");
      if (!present.includes(oldest)) throw new Error("the pool was stopped");
      const exit = oldest.stop(signal);
      const another = start();
      started.push(another);
      present = [...others, another];
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

/** What workers have logged, of an event or altogether. The last line of a killed one may be torn; it counts as none. */
export function linesOf(workers: readonly PayoutsProcess[], event?: string): WorkerLine[] {
  return workers
    .flatMap((worker) => worker.stderr().split("\n").slice(0, -1))
    .map((line) => JSON.parse(line) as WorkerLine)
    .filter((line) => event === undefined || line.event === event);
}
