import { abbreviate } from "@cpa-payouts/core";
import pg from "pg";

/** There is no connection to the database, or it was lost before the statement's answer was complete. */
export class LostConnectionError extends Error {
  override readonly name = "LostConnectionError";
}

/** SQLSTATE classes that mean the data is wrong: the same statement fails again, however often it is retried. */
const DATA_ERROR_CLASSES = ["22", "23", "P0"];

/**
 * Returns the driver's error inside an error, or null. Drizzle wraps it in an error whose message contains the query and
 * its parameters, e-mail addresses included.
 */
export function databaseErrorOf(error: unknown): pg.DatabaseError | null {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof pg.DatabaseError) return current;
  }
  return null;
}

/** Whether retrying cannot help: a violated constraint, a value out of range, an exception raised by a trigger. */
export function isDataError(error: unknown): boolean {
  const code = databaseErrorOf(error)?.code ?? "";
  return DATA_ERROR_CLASSES.some((prefix) => code.startsWith(prefix));
}

const EMAIL = /[^\s"'<>()@]+@[^\s"'<>()@]+/g;
const MAX_LENGTH = 300;

/**
 * Describes an error in one line that is fit for logs, job boards and stored decisions: the innermost message, shortened,
 * without query parameters and with e-mail addresses masked.
 */
export function describeError(error: unknown): string {
  const database = databaseErrorOf(error);
  if (database?.code) return clean(`${database.message} (SQLSTATE ${database.code})`);
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

/** Codes of Node, and SQLSTATEs: shutting down, starting up, connection lost, too many connections. */
const CONNECTION_CODES = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|57P0[123]|08|53300)/;

/** Whether an error means that the database is unreachable, rather than that the statement is wrong. */
export function isConnectionError(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof LostConnectionError) return true;
    const { code } = current as { code?: unknown };
    if (typeof code === "string" && CONNECTION_CODES.test(code)) return true;
    if (current instanceof AggregateError && current.errors.some(isConnectionError)) return true;
  }
  return false;
}

/** Unique violation, serialization failure, deadlock: another statement changed the same rows, and this one did nothing. */
const CONFLICT_CODES = ["23505", "40001", "40P01"];

/** Whether a statement failed because another one changed the same rows at the same moment. */
export function isConflict(error: unknown): boolean {
  return CONFLICT_CODES.includes(databaseErrorOf(error)?.code ?? "");
}
