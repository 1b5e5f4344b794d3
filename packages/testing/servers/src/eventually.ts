import { setTimeout as sleep } from "node:timers/promises";
import { stallWatch } from "./stall.ts";

const POLL_MS = 25;

/**
 * Waits until `look` finds something, and returns it.
 *
 * @param moves returns a value that changes while the test makes progress, such as a count. Without it, `look` must find
 *   something before the {@link stallWatch} ends the wait
 * @throws Error when `look` finds nothing and `moves` has not changed for as long as the {@link stallWatch} allows
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  moves: () => unknown = () => null,
): Promise<NonNullable<T>> {
  const watch = stallWatch(`waited for ${look.toString()}`);
  for (;;) {
    const found = await look();
    if (found) return found;
    watch.look(await moves());
    await sleep(POLL_MS);
  }
}
