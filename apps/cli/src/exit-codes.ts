/** The exit codes: done, failed, bad input or usage (docs/cli.md). */
export const exitCodes = { done: 0, failed: 1, badInput: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
