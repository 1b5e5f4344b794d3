/**
 * Checks a value that the driver returned and converts it to the type used in code.
 *
 * @throws TypeError that names the expected type, when the value has another type
 */
export type Decoder<T> = (value: unknown) => T;

/** The columns to read of a result, with a decoder for each. Names are in camel case; the statement has them in snake case. */
export type Columns = Readonly<Record<string, Decoder<unknown>>>;

/** A decoded row. */
export type Row<C extends Columns> = { readonly [Name in keyof C]: ReturnType<C[Name]> };

/** Any `text`. */
export const text: Decoder<string> = (value) => (typeof value === "string" ? value : refuse("text", value));

/** A `boolean`. */
export const flag: Decoder<boolean> = (value) => (typeof value === "boolean" ? value : refuse("a boolean", value));

/** An `int4`. */
export const integer: Decoder<number> = (value) =>
  Number.isInteger(value) ? Number(value) : refuse("an integer", value);

/** An `int8` of cents. */
export const cents: Decoder<bigint> = (value) => (typeof value === "bigint" ? value : refuse("cents", value));

/** A sum of cents: a `numeric` without decimals. It has no limit, unlike an `int8`, and arrives as text. */
export const sumOfCents: Decoder<bigint> = (value) =>
  typeof value === "string" && WHOLE_NUMBER.test(value) ? BigInt(value) : refuse("a sum of cents", value);

const WHOLE_NUMBER = /^-?\d+$/;

/** A count of rows: an `int8`. No table holds 2^53 rows. */
export const count: Decoder<number> = (value) => toNumber(value) ?? refuse("a count", value);

/** A surrogate key: an `int8`, far below 2^53. */
export const id: Decoder<number> = (value) => toNumber(value) ?? refuse("an id", value);

/** An `int8` as a number; null when it is none, or too large to be exact. */
function toNumber(value: unknown): number | null {
  const number = typeof value === "bigint" ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : null;
}

/** A `timestamptz`. It arrives as text (driver/values.ts). */
export const instant: Decoder<Date> = (value) =>
  typeof value === "string" && ISO_INSTANT.test(value) ? new Date(value) : refuse("an instant", value);

/**
 * In another DateStyle, JavaScript would read the month as the day. It cannot read an offset with seconds, which a zone may
 * have had before 1900, or a year before 1.
 */
const ISO_INSTANT = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)?[+-]\d{2}(:\d{2})?$/;

/** A `date`: the local date `YYYY-MM-DD`. */
export const date: Decoder<string> = (value) =>
  typeof value === "string" && ISO_DATE.test(value) ? value : refuse("a date", value);

const ISO_DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Any `jsonb`, null included. */
export const json: Decoder<unknown> = (value) => (value === undefined ? refuse("jsonb", value) : value);

/** A text that is one of the given words. */
export function oneOf<const Word extends string>(words: readonly Word[]): Decoder<Word> {
  return (value) => words.find((word) => word === value) ?? refuse(`one of ${words.join(", ")}`, value);
}

/** A column that may be null. */
export function nullable<T>(decode: Decoder<T>): Decoder<T | null> {
  return (value) => (value === null ? null : decode(value));
}

/** An array column. */
export function arrayOf<T>(decode: Decoder<T>): Decoder<readonly T[]> {
  return (value) => (Array.isArray(value) ? value.map(decode) : refuse("an array", value));
}

/**
 * Returns a function that decodes rows.
 *
 * @throws TypeError for a column that is missing or has another type. It names the column and the type; the value may be
 *   personal data and is not shown
 */
export function rowDecoder<C extends Columns>(columns: C): (row: Readonly<Record<string, unknown>>) => Row<C> {
  const entries = Object.entries(columns).map(([name, decode]) => ({ name, column: toSnakeCase(name), decode }));
  return (row) =>
    Object.fromEntries(entries.map(({ name, column, decode }) => [name, decodeColumn(row, column, decode)])) as Row<C>;
}

function decodeColumn(row: Readonly<Record<string, unknown>>, column: string, decode: Decoder<unknown>): unknown {
  try {
    return decode(row[column]);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new TypeError(`the column "${column}" of the result is not as expected: ${cause.message}`);
  }
}

function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function refuse(expected: string, value: unknown): never {
  throw new TypeError(`${expected} was expected, the database returned ${describeType(value)}`);
}

function describeType(value: unknown): string {
  if (value === undefined) return "no such column";
  return value === null ? "null" : `a ${typeof value}`;
}
