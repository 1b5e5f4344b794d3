/**
 * An error in the input, which the caller can correct: a wrong value, an unknown name, a date in the future.
 * The command line exits with code 2, the API answers 400.
 */
export class InputError extends Error {
  override readonly name = "InputError";
  /** Every problem found, one line each; by default the message alone. */
  readonly problems: readonly string[];

  constructor(message: string, problems: readonly string[] = [message]) {
    super(message);
    this.problems = problems;
  }
}

/**
 * A failure that the input did not cause, such as an unreachable database or a damaged folder.
 * The command line prints its problems and exits with code 1.
 */
export class OperationError extends Error {
  override readonly name: string = "OperationError";
  /** Every problem found, one line each; the message joins them. */
  readonly problems: readonly string[];

  constructor(problem: string | readonly string[], options?: ErrorOptions) {
    const problems = [problem].flat();
    super(problems.join("; "), options);
    this.problems = problems;
  }
}
