import { setTimeout as sleep } from "node:timers/promises";

/**
 * Retries `work`, which must be safe to run twice, until it succeeds. The pause after attempt n is n times `pauseMs`
 * milliseconds, varied at random by up to half, so that processes do not retry in step.
 *
 * @throws the error of the last attempt
 */
export async function retryWithBackoff<T>(
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
