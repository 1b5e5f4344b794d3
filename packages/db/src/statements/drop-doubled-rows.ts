import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute } from "../sql.ts";

/** Deletes the staged rows whose external id occurs on an earlier line. */
export async function dropDoubledRows(db: Db, importId: string): Promise<void> {
  await execute(
    db,
    sql`
    delete from import_rows r using import_rows first
    where r.import_id = ${importId}::uuid and first.import_id = r.import_id
      and first.external_id = r.external_id and first.line < r.line`,
  );
}
