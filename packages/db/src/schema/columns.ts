import { CEILING_CENTS } from "@cpa-payouts/core";
import { type AnyColumn, type SQL, sql } from "drizzle-orm";
import { bigint, numeric, timestamp } from "drizzle-orm/pg-core";
import { wordList } from "../word-list.ts";

/** A surrogate key. Values stay far below 2^53, so job payloads can carry them as JSON numbers. */
export const id = () => bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity();

/** A reference to a surrogate key. */
export const reference = () => bigint({ mode: "number" });

/** Money: bigint cents, in code and in SQL. */
export const cents = () => bigint({ mode: "bigint" });

/** A sum of money or a count that many statements add to: it has no limit. Whole numbers, bigint in code. */
export const sum = () => numeric({ mode: "bigint" });

/** An instant: `timestamptz` in SQL, Date in code. */
export const instant = () => timestamp({ withTimezone: true, mode: "date" });

/** The condition of a CHECK that a column of cents is within the ceiling, on either side of zero. */
export function isWithinCeiling(column: AnyColumn): SQL {
  return sql`${column} between ${sql.raw(`-${CEILING_CENTS} and ${CEILING_CENTS}`)}`;
}

/** The condition of a CHECK that a column holds one of the given words. */
export function isOneOf(column: AnyColumn, words: readonly string[]): SQL {
  return sql`${column} in ${wordList(words)}`;
}
