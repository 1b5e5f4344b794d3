import { describeError } from "@cpa-payouts/db";

/** A step that failed, and why, in one line without personal data. */
export interface StepFailure {
  readonly step: string;
  readonly error: string;
}

/** Steps that fail apart from each other. */
export interface SeparateSteps {
  /** Does a step. Returns null when it fails, after `failures` has it and `onFailure` was called. */
  run<T>(step: string, work: () => Promise<T>): Promise<T | null>;
  /** The steps that failed so far, in order. */
  readonly failures: readonly StepFailure[];
}

/**
 * Runs steps of which none stops the next when it fails.
 *
 * @param onFailure called after each failed step with all failures so far, this one last
 */
export function separateSteps(onFailure: (failures: readonly StepFailure[]) => Promise<void>): SeparateSteps {
  const failures: StepFailure[] = [];
  const run = async <T>(step: string, work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (cause) {
      failures.push({ step, error: describeError(cause) });
      await onFailure(failures);
      return null;
    }
  };
  return { run, failures };
}
