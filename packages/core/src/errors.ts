/**
 * Something the person at the keyboard can mend: a wrong value, an unknown name, a date in the future.
 * The command line answers it with exit code 2, an HTTP door with 400.
 */
export class InputError extends Error {
  override readonly name = "InputError";
  /** Every problem found, one line each; a single problem is its message. */
  readonly problems: readonly string[];

  constructor(message: string, problems: readonly string[] = [message]) {
    super(message);
    this.problems = problems;
  }
}

/**
 * Something that went wrong outside of the input, told in one clear line: a database that is away, a damaged folder.
 * The command line answers it with exit code 1.
 */
export class OperationError extends Error {
  override readonly name: string = "OperationError";
  /** Every problem found, one line each; the message is all of them. */
  readonly problems: readonly string[];

  constructor(problem: string | readonly string[], options?: ErrorOptions) {
    const problems = [problem].flat();
    super(problems.join("; "), options);
    this.problems = problems;
  }
}
