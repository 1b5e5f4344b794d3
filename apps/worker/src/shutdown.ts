import type { Log } from "@cpa-payouts/pipeline";

/** Less than the 30 s that docker compose waits before it kills. */
const DEADLINE_MS = 25_000;

/**
 * Runs a service until SIGTERM or SIGINT: the promise it gets is kept by the first one, and the service then ends by
 * itself. The signals count from the first moment on, so that a service told to stop while it starts ends in order, too.
 * A second signal, or an end that takes longer than the deadline, ends the process at once with exit code 1: what was
 * under way is taken up by another worker.
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
  let tell = () => {};
  const stopped = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const giveUp = (why: string) => {
    log.error({ why }, "worker.killed");
    process.exit(1);
  };
  const stop = (signal: NodeJS.Signals) => {
    if (deadline) giveUp(`a second ${signal}`);
    log.info({ signal }, "worker.stopping");
    deadline = setTimeout(() => giveUp(`not closed within ${DEADLINE_MS / 1000} s`), DEADLINE_MS);
    tell();
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
