export interface BatcherOptions<Item, Outcome> {
  /** Does the work for several items at once. It answers with one outcome, or the error of that item alone, for each, in their order. */
  readonly run: (items: readonly Item[]) => Promise<readonly (Outcome | Error)[]>;
  /** Whether the failure of a whole batch is nobody's fault (the server is away): nothing is gained by going on item by item. */
  readonly isOutage: (error: unknown) => boolean;
  readonly pace: BatchPace;
}

export interface BatchPace {
  /** A batch of this many items starts at once. */
  readonly maxItems: number;
  /** Milliseconds that a smaller batch waits for more. */
  readonly maxWaitMs: number;
  /** Batches under way at the same time; meanwhile items gather for the next. */
  readonly maxRunning: number;
}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what many callers ask for at the same time into few calls, and gives each caller the outcome of its own item.
 * When a batch fails its items run one by one, so that only the one at fault fails.
 *
 * @returns a function for one item; its promise ends as the item does
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
    answer(batch, await options.run(batch.map(({ item }) => item)));
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
      answer([one], await options.run([one.item]));
    } catch (cause) {
      if (options.isOutage(cause)) return rejectAll(batch.slice(index), cause);
      one.reject(cause);
    }
  }
}

function answer<Item, Outcome>(batch: readonly Waiting<Item, Outcome>[], outcomes: readonly (Outcome | Error)[]): void {
  for (const [index, { resolve, reject }] of batch.entries()) {
    const outcome = outcomes[index];
    if (outcome instanceof Error) reject(outcome);
    else if (outcome === undefined) reject(new Error("a batch answered with fewer outcomes than it has items"));
    else resolve(outcome);
  }
}

function rejectAll<Item, Outcome>(batch: readonly Waiting<Item, Outcome>[], cause: unknown): void {
  for (const { reject } of batch) reject(cause);
}
