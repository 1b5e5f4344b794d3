import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { cents, integer, type Row } from "../decoders.ts";
import { rowsAboveLimit } from "../import-limits.ts";
import { rowsOf } from "../sql.ts";

const columns = { line: integer, balanceCents: cents, largestEntryCents: cents, largestBalanceCents: cents };

/** A staged row with an opening balance above one of the two limits. */
export type RowAboveLimit = Row<typeof columns>;

/** A page of the staged rows whose opening balance is above a limit of the settings, in the order of the file. */
export async function findRowsAboveLimit(
  db: Db,
  importId: string,
  page: { afterLine: number; limit: number },
): Promise<RowAboveLimit[]> {
  return rowsOf(
    db,
    columns,
    sql`select * from (${rowsAboveLimit(importId)}) above where line > ${page.afterLine} order by line limit ${page.limit}`,
  );
}
