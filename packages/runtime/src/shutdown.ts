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
