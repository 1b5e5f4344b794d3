import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/** Removes the rows that killed imports staged before an instant. */
export async function discardImportsBefore(db: Db, instant: Date): Promise<void> {
  await execute(db, sql`delete from import_rows where staged_at < ${instantParam(instant)}`);
}
