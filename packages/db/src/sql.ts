import { createHash } from "node:crypto";
import type { AuditContext } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import { type Db, writable } from "./client.ts";
import { type Columns, type Row, rowDecoder } from "./decoders.ts";
import { retryDeadlocks } from "./retry-deadlocks.ts";

const dialect = new PgDialect({ casing: "snake_case" });

/**
 * Runs one statement and returns its rows, decoded.
 *
 * The statement is prepared once per connection, except through a pooler. Drizzle's own `execute` parses it every time.
 *
 * @param columns the columns to read, with a decoder for each; the statement may return others
 * @throws TypeError when a column is missing or has another type
 */
export async function rowsOf<C extends Columns>(db: Db, columns: C, statement: SQL): Promise<Row<C>[]> {
  const rows = await send(db, statement);
  return rows.map(rowDecoder(columns));
}

/** Like {@link rowsOf}, for a statement that always returns one row. @throws Error when it returns none */
export async function rowOf<C extends Columns>(db: Db, columns: C, statement: SQL): Promise<Row<C>> {
  const [row] = await rowsOf(db, columns, statement);
  if (!row) throw new Error("the statement returned no row");
  return row;
}

/** Runs one statement like {@link rowsOf} and returns only the number of rows that it returned. */
export async function execute(db: Db, statement: SQL): Promise<number> {
  const rows = await send(db, statement);
  return rows.length;
}

async function send(db: Db, statement: SQL): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { sql: text, params } = dialect.sqlToQuery(statement);
  const { rows } = await retryDeadlocks(() => writable(db).$client.query({ text, name: nameOf(text) }, params));
  return rows;
}

/** A connection parses a statement once for each name; PostgreSQL cuts names after 63 characters. */
function nameOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

/** An instant as a parameter. A bare Date is rejected, because drivers differ in how they convert it. */
export function instantParam(instant: Date): SQL {
  return sql`${instant.toISOString()}::timestamptz`;
}

/** The HTTP request of a change, as values of the audit columns `request_id` and `client_address`. */
export function requestParams({ requestId, clientAddress }: AuditContext): SQL {
  return sql`${requestId ?? null}::text, ${clientAddress ?? null}::text`;
}

/** A JavaScript array as one array parameter. Drizzle would expand a bare array into a list of parameters. */
export function arrayParam(values: readonly (number | string)[], type: "bigint" | "text"): SQL {
  return sql`${sql.param(values)}::${sql.raw(type)}[]`;
}

/** A LIKE pattern for values that begin with `text`; `%`, `_` and `\` in it have no special meaning. */
export function likePrefix(text: string): string {
  return `${text.replace(/[\\%_]/g, "\\$&")}%`;
}
