import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/** Records that a tick did every step; ticks then no longer count as failing. */
export async function recordTickSuccess(db: Db, now: Date): Promise<void> {
  await execute(
    db,
    sql`
    update scheduler set last_success_at = greatest(last_success_at, ${instantParam(now)}), failing_since = null,
      unfinished_since = null`,
  );
}
