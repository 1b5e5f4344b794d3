import { setTimeout as sleep } from "node:timers/promises";

/**
 * Retries `work`, which must be safe to run twice, until it succeeds. The pause after attempt n is n times `pauseMs`
 * milliseconds, varied at random by up to half, so that processes do not retry in step.
 *
 * @param patience.isWorthIt whether another attempt may succeed after an error; by default every error is retried
 * @throws the error of the last attempt
 */
export async function retryWithBackoff<T>(
  work: () => Promise<T>,
  patience: { attempts: number; pauseMs: number; isWorthIt?: (error: unknown) => boolean },
): Promise<T> {
  const { attempts, pauseMs, isWorthIt = () => true } = patience;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (cause) {
      if (attempt === attempts || !isWorthIt(cause)) throw cause;
      await sleep(pauseMs * attempt * (0.5 + Math.random()));
    }
  }
}
