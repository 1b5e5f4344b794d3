import { setTimeout as sleep } from "node:timers/promises";
import { stallWatch } from "./stall.ts";

const POLL_MS = 25;

/**
 * Waits until `look` finds something, and returns it.
 *
 * @param moves what changes on the way there; without it, what is waited for must come within the limit for a standstill
 * @throws Error when neither is found for as long as a {@link stallWatch} allows
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
