import { describeError } from "@cpa-payouts/db";
import type { QueueName } from "@cpa-payouts/jobs";
import type { Log } from "@cpa-payouts/pipeline";

const REPEAT_AFTER_MS = 10_000;

/**
 * Returns a function that logs the errors of queues as `queue.error`. While its server is unreachable a queue reports
 * hundreds of errors a second, one per attempt; the same message is logged at most every ten seconds.
 */
export function queueErrorLogger(log: Log): (error: Error, queue: QueueName) => void {
  const lastLogged = new Map<string, number>();
  return (error, queue) => {
    const message = describeError(error);
    const now = performance.now();
    const last = lastLogged.get(message);
    if (last !== undefined && now - last < REPEAT_AFTER_MS) return;
    lastLogged.set(message, now);
    log.warn({ queue, error: message }, "queue.error");
  };
}
