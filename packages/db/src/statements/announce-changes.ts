import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id } from "../decoders.ts";
import { instantParam, rowsOf } from "../sql.ts";

/**
 * Lets the wait of guarded changes begin, once their alerts are raised. Without ticks there are no alerts, and no time
 * counts.
 *
 * @returns the ids of the changes that this call announced
 */
export async function announceChanges(db: Db, now: Date): Promise<number[]> {
  const rows = await rowsOf(
    db,
    { id },
    sql`
    update guarded_changes set announced_at = ${instantParam(now)} where status = 'waiting' and announced_at is null
    returning id`,
  );
  return rows.map((row) => row.id);
}
