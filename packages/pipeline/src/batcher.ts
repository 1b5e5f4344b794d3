export interface BatcherOptions<Item, Outcome> {
  /** Does the work for several items. Returns one outcome per item, in their order; an `Error` fails that item only. */
  readonly run: (items: readonly Item[]) => Promise<readonly (Outcome | Error)[]>;
  /**
   * Whether a batch failed because a server is away. Then all its items fail: running them one by one would fail as
   * well.
   */
  readonly isOutage: (error: unknown) => boolean;
  readonly pace: BatchPace;
}

export interface BatchPace {
  /** A batch of this many items starts at once. */
  readonly maxItems: number;
  /** Milliseconds that a smaller batch waits for more items. */
  readonly maxWaitMs: number;
  /** Batches that run at the same time, at most; further items wait and form the next batches. */
  readonly maxRunning: number;
}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers the items of concurrent callers into batches; each caller gets the outcome of its own item. When a batch
 * fails, its items run one by one and only the faulty ones fail, unless the failure is an outage.
 *
 * @returns a function that takes one item; its promise settles with the outcome or the error of that item
 */
export function createBatcher<Item, Outcome>(options: BatcherOptions<Item, Outcome>): (item: Item) => Promise<Outcome> {
  const { maxItems, maxWaitMs, maxRunning } = options.pace;
  let waiting: Waiting<Item, Outcome>[] = [];
  let isFlushDue = false;
  let running = 0;

  const start = () => {
    const batch = waiting.slice(0, maxItems);
    waiting = waiting.slice(maxItems);
    running += 1;
    void settle(options, batch).finally(() => {
      running -= 1;
      next();
    });
  };

  const next = () => {
    while (running < maxRunning && waiting.length >= maxItems) start();
    if (running >= maxRunning || waiting.length === 0 || isFlushDue) return;
    isFlushDue = true;
    setTimeout(flush, maxWaitMs);
  };

  const flush = () => {
    isFlushDue = false;
    if (running < maxRunning && waiting.length > 0) start();
  };

  return (item) =>
    new Promise<Outcome>((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      next();
    });
}

async function settle<Item, Outcome>(
  options: BatcherOptions<Item, Outcome>,
  batch: readonly Waiting<Item, Outcome>[],
): Promise<void> {
  try {
    settleWith(batch, await options.run(batch.map(({ item }) => item)));
  } catch (cause) {
    if (batch.length === 1 || options.isOutage(cause)) rejectAll(batch, cause);
    else await settleOneByOne(options, batch);
  }
}

async function settleOneByOne<Item, Outcome>(
  options: BatcherOptions<Item, Outcome>,
  batch: readonly Waiting<Item, Outcome>[],
): Promise<void> {
  for (const [index, one] of batch.entries()) {
    try {
      settleWith([one], await options.run([one.item]));
    } catch (cause) {
      if (options.isOutage(cause)) return rejectAll(batch.slice(index), cause);
      one.reject(cause);
    }
  }
}

function settleWith<Item, Outcome>(
  batch: readonly Waiting<Item, Outcome>[],
  outcomes: readonly (Outcome | Error)[],
): void {
  for (const [index, { resolve, reject }] of batch.entries()) {
    const outcome = outcomes[index];
    if (outcome instanceof Error) reject(outcome);
    else if (outcome === undefined) reject(new Error("a batch returned fewer outcomes than it has items"));
    else resolve(outcome);
  }
}

function rejectAll<Item, Outcome>(batch: readonly Waiting<Item, Outcome>[], cause: unknown): void {
  for (const { reject } of batch) reject(cause);
}
