import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute } from "../sql.ts";

/**
 * Updates the statistics of the tables that an import writes. Autovacuum would do so about a minute later, and until then
 * a run of many users is planned as if the tables were nearly empty.
 */
export async function analyzeImported(db: Db): Promise<void> {
  await execute(db, sql`analyze users, payment_methods, ledger_entries`);
}
