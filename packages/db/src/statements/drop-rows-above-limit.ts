import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { rowsAboveLimit } from "../import-limits.ts";
import { execute } from "../sql.ts";

/** Deletes the staged rows whose opening balance is above a limit of the settings. */
export async function dropRowsAboveLimit(db: Db, importId: string): Promise<void> {
  await execute(
    db,
    sql`
    delete from import_rows where import_id = ${importId}::uuid and line in (select line from (${rowsAboveLimit(importId)}) above)`,
  );
}
