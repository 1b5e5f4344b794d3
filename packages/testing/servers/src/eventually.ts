import { setTimeout as sleep } from "node:timers/promises";
import { type StallWatch, stallWatch, watched } from "./stall.ts";

const POLL_MS = 25;

/**
 * Waits until `look` finds something, and returns it.
 *
 * @param moves returns a value that changes while the test makes progress, such as a count. Without it, `look` must find
 *   something before the {@link stallWatch} ends the wait
 * @throws Error when `look` finds nothing, or hangs, and `moves` has not changed for as long as the {@link stallWatch} allows
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  moves: () => unknown = () => null,
  watch: StallWatch = stallWatch(`waited for ${look.toString()}`),
): Promise<NonNullable<T>> {
  return watched("", moves, (over) => poll(look, over), watch);
}

async function poll<T>(look: () => T | Promise<T>, over: AbortSignal): Promise<NonNullable<T>> {
  for (;;) {
    const found = await look();
    if (found) return found;
    // The wait was ended, so that no caller reads the result.
    if (over.aborted) return new Promise<never>(() => {});
    await sleep(POLL_MS);
  }
}
