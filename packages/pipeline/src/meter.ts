/**
 * One batch of `create-invoice` jobs: its statement, and the query that may follow for jobs that were settled before.
 */
export interface InvoiceBatch {
  readonly jobs: number;
  readonly seconds: number;
  readonly isFailed: boolean;
}

/** Called once per batch, never per job; it must not throw. */
export type OnInvoiceBatch = (batch: InvoiceBatch) => void;

/** Runs `work` and reports its duration to `onBatch`, whether it succeeds or fails. */
export async function measured<T>(jobs: number, onBatch: OnInvoiceBatch, work: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  const report = (isFailed: boolean) => onBatch({ jobs, seconds: (performance.now() - begun) / 1_000, isFailed });
  try {
    const result = await work();
    report(false);
    return result;
  } catch (cause) {
    report(true);
    throw cause;
  }
}
