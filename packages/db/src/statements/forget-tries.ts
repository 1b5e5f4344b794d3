import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { arrayParam, execute } from "../sql.ts";

/** Deletes the counts of these keys, after a try that succeeded. */
export async function forgetTries(db: Db, keys: readonly string[]): Promise<void> {
  await execute(db, sql`delete from throttles where key = any(${arrayParam(keys, "text")})`);
}
