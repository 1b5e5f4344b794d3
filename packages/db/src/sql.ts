import type { Order } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import type { Db } from "./client.ts";

const dialect = new PgDialect({ casing: "snake_case" });

/**
 * Runs one statement and returns its rows. `int8` arrives as bigint, other types as postgres.js reads them.
 *
 * The statement is prepared once per connection, unless a pooler is in between. Drizzle's own `execute` parses and plans
 * it every time, in two round trips: for `create-invoice` the planning alone took as long as the work (1 ms each).
 */
export async function rowsOf<Row extends Record<string, unknown>>(db: Db, statement: SQL): Promise<Row[]> {
  const { sql: text, params } = dialect.sqlToQuery(statement);
  return [...(await db.$client.unsafe(text, params as never[], { prepare: true }))] as unknown as Row[];
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

/** What an audit row keeps of an HTTP request: the columns `request_id` and `client_address`. */
export function requestParams({ requestId, clientAddress }: Order): SQL {
  return sql`${requestId ?? null}::text, ${clientAddress ?? null}::text`;
}

/** A JavaScript array as one array parameter; interpolated bare, Drizzle would spell it out as a list of parameters. */
export function arrayParam(values: readonly (number | string)[], type: "bigint" | "text"): SQL {
  return sql`${sql.param(values)}::${sql.raw(type)}[]`;
}

/** The pattern of LIKE for whatever begins with a text, in which `%` and `_` mean themselves. */
export function likePrefix(text: string): string {
  return `${text.replace(/[\\%_]/g, "\\$&")}%`;
}
