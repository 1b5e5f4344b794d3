import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { rowsOf } from "../sql.ts";

export interface DoubledRow {
  readonly line: number;
  readonly externalId: string;
  readonly firstLine: number;
}

/** The staged rows whose external id occurs on an earlier line, in the order of the file. */
export async function findDoubledRows(db: Db, importId: string): Promise<DoubledRow[]> {
  const rows = await rowsOf<{ line: number; external_id: string; first_line: number }>(
    db,
    sql`
    select line, external_id, first_line from (
      select line, external_id, min(line) over (partition by external_id) as first_line
      from import_rows where import_id = ${importId}::uuid
    ) numbered where line > first_line order by line`,
  );
  return rows.map((row) => ({ line: row.line, externalId: row.external_id, firstLine: row.first_line }));
}
