import { setTimeout as sleep } from "node:timers/promises";

/** A test fails when nothing has changed for this long. Even a busy machine makes some progress in that time. */
export const STALL_MS = 90_000;

const LOOK_MS = 1_000;

/** Notices when a scenario stands still. It limits the time without a change, never the duration of the scenario. */
export interface StallWatch {
  /**
   * @param state the present state, as text or any value that JSON can hold; it counts as a change if it differs from the
   *   last one
   * @throws Error when nothing has moved for {@link STALL_MS}, with what stood still and where
   */
  look(state: unknown): void;
}

/**
 * A clock in milliseconds that counts the ticks of a timer. While the process is stopped or the machine sleeps there are no
 * ticks, so that this time does not count.
 */
export function tickClock(tickMs: number): () => number {
  let ticks = 0;
  setInterval(() => {
    ticks += 1;
  }, tickMs).unref();
  return () => ticks * tickMs;
}

/** Shared by all watches, so that a watch has no timer to end. */
const awakeMs = tickClock(LOOK_MS);

/** Starts a watch. The error has the stack of this call, which names the line that waits. */
export function stallWatch(what: string, stallMs: number = STALL_MS, clock: () => number = awakeMs): StallWatch {
  const error = new Error();
  let last: string | undefined;
  let movedAt = clock();
  return {
    look: (state) => {
      const seen = textOf(state);
      if (seen !== last) {
        last = seen;
        movedAt = clock();
        return;
      }
      if (clock() - movedAt <= stallMs) return;
      error.message = `${what}: nothing has moved for ${stallMs / 1_000} s; it stands still at ${seen}`;
      throw error;
    },
  };
}

function textOf(state: unknown): string {
  if (typeof state === "string") return state;
  return JSON.stringify(state, (_key, value) => (typeof value === "bigint" ? `${value}` : value)) ?? "nothing";
}

/**
 * Runs a scenario for as long as it takes, and ends it when it stands still.
 *
 * @param look returns a value that changes while the scenario makes progress, such as the state of a run and its counts; if
 *   it fails, its error is the value, and while it hangs, the value does not change
 * @param scenario receives a signal that is aborted when the wait is over
 * @throws Error of the scenario, or of the {@link StallWatch}
 */
export async function watched<T>(
  what: string,
  look: () => unknown,
  scenario: (over: AbortSignal) => Promise<T>,
  watch: StallWatch = stallWatch(what),
): Promise<T> {
  const over = new AbortController();
  try {
    return await Promise.race([scenario(over.signal), standstill(look, watch, over.signal)]);
  } finally {
    over.abort();
  }
}

/** Never resolves; rejects when nothing has moved for too long. */
async function standstill(look: () => unknown, watch: StallWatch, over: AbortSignal): Promise<never> {
  let state: unknown = "no state: the first look has no answer";
  let isLooking = false;
  const lookAgain = async () => {
    isLooking = true;
    state = await (async () => look())().catch(String);
    isLooking = false;
  };
  while (!over.aborted) {
    if (!isLooking) void lookAgain();
    watch.look(state);
    await sleep(LOOK_MS, undefined, { signal: over }).catch(() => {});
  }
  return new Promise<never>(() => {});
}
