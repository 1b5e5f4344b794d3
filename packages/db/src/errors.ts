import { abbreviate } from "@cpa-payouts/core";
import postgres from "postgres";

/** Classes of SQLSTATE that say the data is wrong: the same statement will fail again, however often it is tried. */
const DATA_ERROR_CLASSES = ["22", "23", "P0"];

/** Drizzle wraps the driver's error in one whose message spells out the query and its parameters, e-mail addresses included. */
export function databaseErrorOf(error: unknown): postgres.PostgresError | null {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof postgres.PostgresError) return current;
  }
  return null;
}

/** Whether trying again cannot help: a violated constraint, a value out of range, an exception raised by a trigger. */
export function isDataError(error: unknown): boolean {
  const code = databaseErrorOf(error)?.code ?? "";
  return DATA_ERROR_CLASSES.some((prefix) => code.startsWith(prefix));
}

const EMAIL = /[^\s"'<>()@]+@[^\s"'<>()@]+/g;
const MAX_LENGTH = 300;

/**
 * One line about an error that is fit for logs, job boards and stored decisions: the innermost message, without the
 * query's parameters and with e-mail addresses masked.
 */
export function describeError(error: unknown): string {
  const database = databaseErrorOf(error);
  if (database) return clean(`${database.message} (SQLSTATE ${database.code})`);
  return clean(innermostMessage(error));
}

function innermostMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return innermostMessage(error.cause);
  // Node reports a refused connection to a name with several addresses as an AggregateError without a message.
  if (error instanceof AggregateError && error.message === "") return innermostMessage(error.errors[0]);
  return error.message || error.name;
}

function clean(message: string): string {
  return abbreviate(message.replace(EMAIL, "***"), MAX_LENGTH);
}

/** postgres.js' own codes, Node's, and the server's for "shutting down", "starting up" and "connection lost". */
const CONNECTION_CODES = /^(CONNECT|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|57P0[123]|08|53300)/;

/** Whether an error says that the database is away, rather than that something is wrong with the statement. */
export function isConnectionError(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    const { code } = current as { code?: unknown };
    if (typeof code === "string" && CONNECTION_CODES.test(code)) return true;
    if (current instanceof AggregateError && current.errors.some(isConnectionError)) return true;
  }
  return false;
}

/** Unique violation, serialization failure, deadlock: somebody else changed the same rows, and the statement did nothing. */
const CONFLICT_CODES = ["23505", "40001", "40P01"];

/** Whether a statement lost against another one that changed the same rows at the same moment. */
export function isConflict(error: unknown): boolean {
  return CONFLICT_CODES.includes(databaseErrorOf(error)?.code ?? "");
}
