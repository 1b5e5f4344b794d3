import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute } from "../sql.ts";

/** Updates the statistics of the staged rows; without them the planner joins a large merge row by row. */
export async function analyzeImportRows(db: Db): Promise<void> {
  await execute(db, sql`analyze import_rows`);
}
