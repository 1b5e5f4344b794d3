import { type AnyColumn, type SQL, sql } from "drizzle-orm";
import { bigint, timestamp } from "drizzle-orm/pg-core";

/** Surrogate keys. They stay far below 2^53, so that a job's payload can carry them as JSON numbers. */
export const id = () => bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity();

/** A reference to a surrogate key. */
export const reference = () => bigint({ mode: "number" });

/** Money is bigint cents, in code and in SQL. */
export const cents = () => bigint({ mode: "bigint" });

export const instant = () => timestamp({ withTimezone: true, mode: "date" });

/** A CHECK that a column holds one of the words that `core` lists. */
export function oneOf(column: AnyColumn, words: readonly string[]): SQL {
  return sql`${column} in (${sql.raw(words.map((word) => `'${word}'`).join(", "))})`;
}
