/** Refused work: the queue is full, or the work has waited too long. */
export class BusyError extends Error {
  override readonly name = "BusyError";
  /** When to try again, in whole seconds. */
  readonly waitSeconds: number;

  constructor(waitSeconds: number) {
    super(`too many people sign in at this moment; try again in ${waitSeconds} seconds`);
    this.waitSeconds = waitSeconds;
  }
}

/** Work of known people goes first: a flood of guesses must not hold them up. */
export type Urgency = "known" | "unknown";

/** Runs work that takes much CPU time, a bounded number at once. */
export interface WorkQueue {
  /** @throws BusyError when the queue is full, or when the work could not begin in time; it is not done then */
  run<T>(work: () => Promise<T>, urgency: Urgency): Promise<T>;
}

export interface WorkQueueLimits {
  /** How much work is done at the same time. */
  readonly concurrency: number;
  /** How much may wait, of known and of unknown people each. */
  readonly maxWaiting: number;
  /** How long work may wait before it begins, in milliseconds. */
  readonly maxWaitMs: number;
}

interface Waiting {
  begin(): void;
}

/** Creates a queue. Its state is this object's, so each process, and each server in a test, has its own. */
export function createWorkQueue({ concurrency, maxWaiting, maxWaitMs }: WorkQueueLimits): WorkQueue {
  const lanes: Readonly<Record<Urgency, Set<Waiting>>> = { known: new Set(), unknown: new Set() };
  let running = 0;

  const beginNext = () => {
    for (const lane of [lanes.known, lanes.unknown])
      for (const next of lane) {
        lane.delete(next);
        next.begin();
        return;
      }
  };
  const untilTurn = (lane: Set<Waiting>) =>
    new Promise<void>((resolve, reject) => {
      const waiting = {
        begin: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        lane.delete(waiting);
        reject(busy(maxWaitMs));
      }, maxWaitMs);
      lane.add(waiting);
    });

  return {
    run: async (work, urgency) => {
      const lane = lanes[urgency];
      if (running < concurrency) running += 1;
      else if (lane.size >= maxWaiting) throw busy(maxWaitMs);
      // The slot of the work that ends passes to the one that begins.
      else await untilTurn(lane);
      try {
        return await work();
      } finally {
        if (lanes.known.size + lanes.unknown.size > 0) beginNext();
        else running -= 1;
      }
    },
  };
}

function busy(maxWaitMs: number): BusyError {
  return new BusyError(Math.max(1, Math.ceil(maxWaitMs / 1_000)));
}
