import type { Log } from "@cpa-payouts/pipeline";

/** Less than the 30 s that docker compose waits before it kills. */
const DEADLINE_MS = 25_000;

/**
 * Waits for SIGTERM or SIGINT, then calls `close`. A second signal, or a close that takes longer than the deadline,
 * ends the process at once with exit code 1: what was under way is taken up by another worker.
 */
export async function untilStopped(log: Log, close: () => Promise<void>): Promise<void> {
  const signal = await nextSignal();
  log.info({ signal }, "worker.stopping");
  const giveUp = (why: string) => {
    log.error({ why }, "worker.killed");
    process.exit(1);
  };
  const deadline = setTimeout(() => giveUp(`not closed within ${DEADLINE_MS / 1000} s`), DEADLINE_MS);
  process.once("SIGINT", () => giveUp("a second SIGINT"));
  process.once("SIGTERM", () => giveUp("a second SIGTERM"));
  await close();
  clearTimeout(deadline);
  log.info({}, "worker.stopped");
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals) => {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
      resolve(signal);
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}
