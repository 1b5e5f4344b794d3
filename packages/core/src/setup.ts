/** The checks that ALLOW_UNSAFE may name: what they guard is the queue, which can be built again, never money. */
export const overridableChecks = ["redis-eviction", "redis-persistence"] as const;
export type OverridableCheck = (typeof overridableChecks)[number];

/** The checks that only ever warn: what they miss makes the work slower or a hang longer, and nothing wrong. */
export const advisoryChecks = ["database-role"] as const;
type AdvisoryCheck = (typeof advisoryChecks)[number];

/** What is checked, at every start, about servers that answer. */
export type SetupCheck = OverridableCheck | AdvisoryCheck | "redis-primary" | "database-primary" | "database-writable";

/** What a check has found wrong, or could not find out. */
export interface SetupProblem {
  readonly check: SetupCheck;
  /** False where the server does not say, as some managed services do; that is worth a warning, not a refusal. */
  readonly isCertain: boolean;
  /** One line for a person: what is wrong, at which server (never its password), and what to do. */
  readonly line: string;
}
