import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./client.ts";

/** Runs one statement and returns its rows. `int8` arrives as bigint, other types as postgres.js reads them. */
export async function rowsOf<Row extends Record<string, unknown>>(db: Db, statement: SQL): Promise<Row[]> {
  return [...(await db.execute(statement))] as Row[];
}

/** Like {@link rowsOf}, for a statement that always answers with one row. */
export async function rowOf<Row extends Record<string, unknown>>(db: Db, statement: SQL): Promise<Row> {
  const [row] = await rowsOf<Row>(db, statement);
  if (!row) throw new Error("the statement answered without a row");
  return row;
}

/** An instant as a parameter. Drizzle switches off postgres.js' own dates, so that a bare Date would be refused. */
export function instantParam(instant: Date): SQL {
  return sql`${instant.toISOString()}::timestamptz`;
}

/** A JavaScript array as one array parameter; interpolated bare, Drizzle would spell it out as a list of parameters. */
export function arrayParam(values: readonly (number | string)[], type: "bigint" | "text"): SQL {
  return sql`${sql.param(values)}::${sql.raw(type)}[]`;
}
