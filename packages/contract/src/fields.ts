import {
  InputError,
  MAX_EXTERNAL_ID_LENGTH,
  parseCents,
  parseInstant,
  parseLocalDate,
  parseWholeNumber,
} from "@cpa-payouts/core";
import { z } from "zod";

/** An amount in dollars in a response: always two decimals, a leading minus below zero. */
export const amount = z
  .string()
  .regex(/^-?\d+\.\d{2}$/)
  .meta({ example: "123.45" });

/** A date in the time zone of the payment dates. */
export const localDate = z.iso.date().meta({ example: "2026-12-07" });

/** An instant in a response: ISO 8601 in UTC. */
export const instant = z.iso.datetime().meta({ example: "2026-12-07T02:00:00.000Z" });

/** An amount above 0 as input: dollars with at most two decimals, converted to cents. */
export const positiveAmount = z.string().max(40).transform(readWith(readPositive));

/** As {@link positiveAmount}, but 0 is accepted. */
export const amountOrZero = z.string().max(40).transform(readWith(parseCents));

/** As {@link positiveAmount}, but with an optional minus. */
export const signedAmount = z.string().max(40).transform(readWith(readSigned));

/** A local date as input. The operation decides whether it must be a payment date. */
export const dateInput = z.string().max(40).transform(readWith(parseLocalDate));

/** An instant as input, with its zone: `Z` or an offset. */
export const instantInput = z.iso.datetime({ offset: true }).transform(readWith(parseInstant));

function readPositive(text: string): bigint {
  const cents = parseCents(text);
  if (cents === 0n) throw new InputError("it must be more than 0");
  return cents;
}

function readSigned(text: string): bigint {
  return text.startsWith("-") ? -readPositive(text.slice(1)) : readPositive(text);
}

/** Turns a parser of `core` into a zod transform; its `InputError` becomes a problem of the field. */
function readWith<T>(read: (text: string) => T) {
  return (text: string, issue: z.RefinementCtx): T => {
    try {
      return read(text);
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause;
      issue.addIssue(cause.message);
      return z.NEVER;
    }
  };
}

const PRINTABLE = /^[^\p{Cc}]*$/u;

/** One line of text as a field: trimmed, 1 to `maxLength` characters, no control characters. */
export function line(maxLength: number) {
  return z.string().trim().min(1).max(maxLength).regex(PRINTABLE, "write one line without control characters");
}

export const reason = line(500);

/** The id of a user who exists. Only an import makes users, and restricts the ids of new ones. */
export const externalId = z.string().min(1).max(MAX_EXTERNAL_ID_LENGTH);

/**
 * A whole number in a path or a query string, written with digits only, as the command line reads it. A client in
 * TypeScript passes a number. For a default use `prefault`; the OpenAPI document leaves out a `default` of it.
 */
export function wholeNumber(from: number, to: number) {
  const problem = `write a whole number from ${from} to ${to}`;
  const read = (value: number | string) =>
    typeof value === "string" ? (parseWholeNumber(value, from, to) ?? value) : value;
  return z.preprocess(read, z.int(problem).min(from, problem).max(to, problem));
}

/** An id of the database in a path. */
export const idInPath = wholeNumber(1, Number.MAX_SAFE_INTEGER);

const MAX_PAGE = 500;

/** The query of a paged list: `next` of the previous page, and the number of items. */
export const pageQuery = {
  cursor: z.string().max(500).optional().meta({ description: "`next` of the previous page" }),
  limit: wholeNumber(1, MAX_PAGE).prefault(50),
};

/** The response of a paged list; `next` is null on the last page. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: z.string().nullable() });
}

/** A boolean in a query string. */
export const flag = z.enum(["true", "false"]).transform((text) => text === "true");
