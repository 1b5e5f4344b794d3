import { setTimeout as sleep } from "node:timers/promises";

/** How long nothing may move before a test fails. A machine under any load moves something within it; a hung one does not. */
export const STALL_MS = 90_000;

const LOOK_MS = 1_000;

/** Notices when something has stopped moving. Time alone is never a failure: only time in which nothing changed. */
export interface StallWatch {
  /**
   * @param state what is seen now, as any value that JSON can hold; another value than last time is a move
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
 * @param look what moves while the scenario goes on, such as the state of a run and its counts; when it fails, the failure
 *   counts as what was seen
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

/** What `look` sees; its failure and its silence are states like others. */
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
