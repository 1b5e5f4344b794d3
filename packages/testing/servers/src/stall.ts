import { setTimeout as sleep } from "node:timers/promises";

/** A test fails when nothing has changed for this long. Even a busy machine makes some progress in that time. */
export const STALL_MS = 90_000;

const LOOK_MS = 1_000;

/** Notices when a scenario stands still. It limits the time without a change, never the duration of the scenario. */
export interface StallWatch {
  /**
   * @param state the present state, as any value that JSON can hold; it counts as a change if it differs from the last one
   * @throws Error when nothing has moved for {@link STALL_MS}, with what stood still and where
   */
  look(state: unknown): void;
}

/** Starts a watch. The error has the stack of this call, which names the line that waits. */
export function stallWatch(what: string, stallMs: number = STALL_MS): StallWatch {
  const error = new Error();
  let last: string | undefined;
  let movedAt = performance.now();
  return {
    look: (state) => {
      const seen =
        JSON.stringify(state, (_key, value) => (typeof value === "bigint" ? `${value}` : value)) ?? "nothing";
      if (seen !== last) {
        last = seen;
        movedAt = performance.now();
        return;
      }
      if (performance.now() - movedAt <= stallMs) return;
      error.message = `${what}: nothing has moved for ${stallMs / 1_000} s; it stands still at ${seen}`;
      throw error;
    },
  };
}

/**
 * Runs a scenario for as long as it takes, and ends it when it stands still.
 *
 * @param look returns a value that changes while the scenario makes progress, such as the state of a run and its counts; if
 *   it fails, its error is the value
 * @throws Error of the scenario, or of the {@link StallWatch}
 */
export async function watched<T>(what: string, look: () => unknown, scenario: () => Promise<T>): Promise<T> {
  const watch = stallWatch(what);
  const over = new AbortController();
  const standstill = (async () => {
    while (!over.signal.aborted) {
      watch.look(await unlessHung(look));
      await sleep(LOOK_MS, undefined, { signal: over.signal }).catch(() => {});
    }
    return new Promise<never>(() => {});
  })();
  try {
    return await Promise.race([scenario(), standstill]);
  } finally {
    over.abort();
  }
}

/** The result of `look`; its error or a missing answer are states, too. */
async function unlessHung(look: () => unknown): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise((resolve) => {
    timer = setTimeout(() => resolve("no answer"), STALL_MS);
  });
  try {
    return await Promise.race([(async () => look())().catch(String), silence]);
  } finally {
    clearTimeout(timer);
  }
}
