import type pg from "pg";
import { LostConnectionError } from "../errors.ts";
import { toParameter } from "./values.ts";

/** A statement as Drizzle and `rowsOf` pass it. */
export interface Statement {
  readonly text: string;
  /** Under this name the connection keeps the parsed statement; without one it is parsed each time. */
  readonly name?: string | undefined;
  /** `array`: each row is a list of its values; Drizzle reads rows that way. Otherwise each row is an object. */
  readonly rowMode?: "array" | undefined;
}

/** The rows of a statement, and what else Drizzle reads of pg's result. */
export type Answer = pg.QueryResult;

/**
 * Runs one statement on a connection.
 *
 * @throws TypeError before anything is sent, for a parameter that no statement of this package can mean
 * @throws LostConnectionError when there are fewer or more rows than the server says that it sent
 */
export async function ask(
  connection: Pick<pg.ClientBase, "query">,
  { text, name, rowMode }: Statement,
  params: readonly unknown[] = [],
): Promise<Answer> {
  const values = params.map(toParameter);
  // pg's types want either `rowMode` or none; an undefined one is the same to pg.
  const answer = (await connection.query({ text, name, rowMode, values } as pg.QueryConfig)) as Answer;
  assertComplete(answer);
  return answer;
}

/**
 * Compares the rows with the number that the server gives after the last one. A driver that loses rows, or gives a
 * statement the rows of another, would otherwise turn "no such user" or "nothing is left to pay" into a wrong decision.
 */
function assertComplete(answer: Answer | readonly Answer[]): void {
  // Several statements in one text, without parameters, have an answer each.
  for (const { rows, rowCount, fields } of [answer].flat()) {
    // The count of a statement without rows is that of the rows it changed; some commands, such as SHOW, have none.
    if (rowCount === null || (fields.length === 0 && rows.length === 0)) continue;
    if (rows.length !== rowCount)
      throw new LostConnectionError(
        `the database sent ${rowCount} rows and ${rows.length} arrived; the connection is closed and the answer discarded`,
      );
  }
}
