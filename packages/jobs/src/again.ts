import { setTimeout as sleep } from "node:timers/promises";

/**
 * Tries something that may be done twice until it succeeds, with pauses that grow and differ between processes.
 *
 * @throws the error of the last attempt
 */
export async function tryAgain<T>(
  work: () => Promise<T>,
  { attempts, pauseMs }: { attempts: number; pauseMs: number },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (cause) {
      if (attempt === attempts) throw cause;
      await sleep(pauseMs * attempt * (0.5 + Math.random()));
    }
  }
}
