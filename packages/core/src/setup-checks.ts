/** The checks that ALLOW_UNSAFE may name. They protect the queue, which can be rebuilt from the database, not money. */
export const overridableChecks = ["redis-eviction", "redis-persistence"] as const;
export type OverridableCheck = (typeof overridableChecks)[number];

/** The checks that only warn: what they find costs time (slower work, longer hangs), never correctness. */
export const advisoryChecks = ["database-role"] as const;
type AdvisoryCheck = (typeof advisoryChecks)[number];

/** The checks made at every start, once the servers answer. */
export type SetupCheck = OverridableCheck | AdvisoryCheck | "redis-primary" | "database-primary" | "database-writable";

/** A problem that a check found, or a setting that it could not determine. */
export interface SetupProblem {
  readonly check: SetupCheck;
  /** False when the server does not report the setting, as with some managed services: a warning, not a refusal. */
  readonly isCertain: boolean;
  /** One line for a person: what is wrong, at which server (never its password), and what to do. */
  readonly line: string;
}
