import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 25;

/** Waits until `look` finds something, and returns it; after `timeoutMs` the test fails. */
export async function eventually<T>(look: () => T | Promise<T>, timeoutMs = 60_000): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end) throw new Error(`not found within ${timeoutMs} ms: ${look.toString()}`);
    await sleep(POLL_MS);
  }
}
