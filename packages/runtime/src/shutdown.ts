import type { Log } from "@cpa-payouts/pipeline";

/** Less than the 30 s after which docker compose kills the container. */
const DEADLINE_MS = 25_000;

/**
 * Runs a service until SIGTERM or SIGINT. The first signal resolves `stopped`, and the service then closes and returns.
 * Signals are handled from this call on, so a service that is stopped during its start-up also closes in order. A
 * second signal, or a shutdown of over 25 seconds, exits the process at once with code 1; another worker takes over its
 * jobs.
 */
export async function untilStopped(log: Log, serve: (stopped: Promise<void>) => Promise<void>): Promise<void> {
  const { stopped, dispose } = listen(log);
  try {
    await serve(stopped);
  } finally {
    dispose();
  }
}

/** Leaves time to be read in the log before the process is ended. */
const SLOW_MS = 20_000;
/** Enough to see which jobs hang. */
const MOST_JOBS = 20;

/** What a service still waits for when it closes. */
export interface Closing {
  /** Such as `jobs` or `connections`. */
  readonly waitingFor: string;
  /** The ids of the jobs that have not ended; the log shows the first of them and their number. */
  readonly jobs?: () => readonly string[];
}

/**
 * Waits for a step of the closing, and logs what it waits for (`shutdown.waiting`) when that takes long: a process that is
 * ended because it did not close in time has then said why.
 *
 * @param slowMs the milliseconds after which it is logged
 */
export async function reportSlowClosing<T>(
  log: Log,
  step: Promise<T>,
  { waitingFor, jobs = () => [] }: Closing,
  slowMs: number = SLOW_MS,
): Promise<T> {
  const report = () => {
    const ids = jobs();
    log.warn({ waitingFor, count: ids.length, jobs: ids.slice(0, MOST_JOBS) }, "shutdown.waiting");
  };
  const timer = setTimeout(report, slowMs);
  try {
    return await step;
  } finally {
    clearTimeout(timer);
  }
}

function listen(log: Log): { stopped: Promise<void>; dispose: () => void } {
  let deadline: NodeJS.Timeout | undefined;
  let resolveStopped = () => {};
  const stopped = new Promise<void>((resolve) => {
    resolveStopped = resolve;
  });
  const giveUp = (why: string) => {
    log.error({ why }, "worker.killed");
    process.exit(1);
  };
  const stop = (signal: NodeJS.Signals) => {
    if (deadline) giveUp(`a second ${signal}`);
    log.info({ signal }, "worker.stopping");
    deadline = setTimeout(() => giveUp(`not closed within ${DEADLINE_MS / 1000} s`), DEADLINE_MS);
    resolveStopped();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return {
    stopped,
    dispose: () => {
      clearTimeout(deadline);
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
    },
  };
}
