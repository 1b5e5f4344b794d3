import { type SQL, sql } from "drizzle-orm";

/**
 * The right side of an SQL `in`: states or other words of the product, in parentheses. They are literals instead of parameters,
 * because only then do partial indexes serve, and a CHECK can have no parameters.
 */
export function wordList(words: readonly string[]): SQL {
  return sql.raw(`(${words.map((word) => `'${word}'`).join(", ")})`);
}
