import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute } from "../sql.ts";

/** Removes the staged rows of an import. */
export async function discardImport(db: Db, importId: string): Promise<void> {
  await execute(db, sql`delete from import_rows where import_id = ${importId}::uuid`);
}
