/** One statement of `create-invoice`, with the one that may follow it for jobs that came a second time. */
export interface InvoiceBatch {
  readonly jobs: number;
  readonly seconds: number;
  readonly isFailed: boolean;
}

/** Told once per batch, never per job; it must not throw. */
export type OnInvoiceBatch = (batch: InvoiceBatch) => void;

/** Tells how long a batch took, whatever became of it. */
export async function measured<T>(jobs: number, onBatch: OnInvoiceBatch, work: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  const tell = (isFailed: boolean) => onBatch({ jobs, seconds: (performance.now() - begun) / 1_000, isFailed });
  try {
    const result = await work();
    tell(false);
    return result;
  } catch (cause) {
    tell(true);
    throw cause;
  }
}
