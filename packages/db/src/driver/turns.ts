/** Lets a limited number of calls run at a time. The others wait, and get their turns in the order of their arrival. */
export interface Turns {
  /** Resolves when it is the caller's turn. @throws the error given to `refuseWaiting` or `close` */
  take(): Promise<void>;
  /** Ends the caller's turn. Every turn taken is given back once. */
  giveBack(): void;
  /** Makes the calls that wait at this moment fail. */
  refuseWaiting(error: Error): void;
  /** Makes every later call fail. Those that wait already keep their place. */
  close(error: Error): void;
  /** Resolves when no call has a turn or waits for one. */
  untilIdle(): Promise<void>;
}

interface Waiting {
  start(): void;
  refuse(error: Error): void;
}

/** @param limit how many calls may have a turn at the same time */
export function createTurns(limit: number): Turns {
  let taken = 0;
  let closed: Error | null = null;
  // A set keeps the order of arrival and gives up its first member in constant time; an array does not.
  const waiting = new Set<Waiting>();
  const idle = new Set<() => void>();

  function startNext(): boolean {
    const [next] = waiting;
    if (!next) return false;
    waiting.delete(next);
    next.start();
    return true;
  }

  function tellIdle(): void {
    for (const resolve of idle) resolve();
    idle.clear();
  }

  return {
    async take() {
      if (closed) throw closed;
      if (taken >= limit)
        return new Promise<void>((resolve, reject) => waiting.add({ start: resolve, refuse: reject }));
      taken += 1;
    },
    giveBack() {
      // The turn passes on to the next call, so `taken` does not change.
      if (startNext()) return;
      taken -= 1;
      if (taken === 0) tellIdle();
    },
    refuseWaiting(error) {
      for (const { refuse } of waiting) refuse(error);
      waiting.clear();
    },
    close(error) {
      closed = error;
    },
    async untilIdle() {
      if (taken > 0) await new Promise<void>((resolve) => idle.add(resolve));
    },
  };
}
