import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { integer, type Row, text } from "../decoders.ts";
import { rowsOf } from "../sql.ts";

const columns = { line: integer, externalId: text, firstLine: integer };

export type DoubledRow = Row<typeof columns>;

/** The staged rows whose external id occurs on an earlier line, in the order of the file. */
export async function findDoubledRows(db: Db, importId: string): Promise<DoubledRow[]> {
  return rowsOf(
    db,
    columns,
    sql`
    select line, external_id, first_line from (
      select line, external_id, min(line) over (partition by external_id) as first_line
      from import_rows where import_id = ${importId}::uuid
    ) numbered where line > first_line order by line`,
  );
}
