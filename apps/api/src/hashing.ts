import { availableParallelism } from "node:os";
import { createWorkQueue, type WorkQueue } from "@cpa-payouts/access";

/** As many as one core checks within the longest wait. */
const MAX_WAITING = 50;
/** A password that has not been checked by then is answered with 503. */
const MAX_WAIT_MS = 5_000;
/** Node hashes in four threads, which also read files and look up names. */
const MAX_AT_ONCE = 3;

/** Opens the queue in which a server hashes passwords. One core stays free for the other requests. */
export function openHashing(): WorkQueue {
  const concurrency = Math.max(1, Math.min(availableParallelism() - 1, MAX_AT_ONCE));
  return createWorkQueue({ concurrency, maxWaiting: MAX_WAITING, maxWaitMs: MAX_WAIT_MS });
}
