import { setTimeout as sleep } from "node:timers/promises";

export interface Patience {
  /** How often the work is tried, at least once. */
  readonly attempts: number;
  readonly pauseMs: number;
  /** Whether another attempt may succeed after this error; by default after every error. */
  readonly isWorthRetrying?: (cause: unknown) => boolean;
  /** Called before each further attempt, with the error of the one before. */
  readonly onRetry?: (cause: unknown) => void;
}

/**
 * Retries `work`, which must be safe to run twice, until it succeeds. The pause after attempt n is n times `pauseMs`
 * milliseconds, varied at random by up to half, so that processes do not retry in step.
 *
 * @throws the error of the last attempt, or the first one that is not worth another attempt
 */
export async function retryWithBackoff<T>(
  work: () => Promise<T>,
  { attempts, pauseMs, isWorthRetrying = () => true, onRetry = () => {} }: Patience,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (cause) {
      if (attempt === attempts || !isWorthRetrying(cause)) throw cause;
      onRetry(cause);
      await sleep(pauseMs * attempt * (0.5 + Math.random()));
    }
  }
}
