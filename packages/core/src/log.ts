/** The levels of severity, least severe first; `silent` logs nothing. */
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Where packages log; pino implements it. Events are named `noun.verb`; fields are ids and counts, never personal data.
 */
export interface Log {
  debug(fields: LogFields, event: string): void;
  info(fields: LogFields, event: string): void;
  warn(fields: LogFields, event: string): void;
  error(fields: LogFields, event: string): void;
}

/** The keys that each line has already are left out: a line with one of them twice has the second value only. */
type LogFields = Readonly<Record<string, unknown>> & { readonly [Key in "event" | "level" | "time" | "pid"]?: never };
