import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/**
 * Records that a tick failed at some steps; ticks then count as failing until one does every step. Does nothing before the
 * first tick is recorded.
 *
 * @param failure.steps the names of all steps at which this tick has failed so far
 * @param failure.error why the first of them failed, in one line without personal data
 */
export async function recordTickFailure(
  db: Db,
  { steps, error, now }: { steps: readonly string[]; error: string; now: Date },
): Promise<void> {
  await execute(
    db,
    sql`
    update scheduler set failing_since = coalesce(failing_since, ${instantParam(now)}),
      last_failure_at = greatest(last_failure_at, ${instantParam(now)}), failed_steps = ${steps.join(", ")}, failure = ${error},
      unfinished_since = null`,
  );
}
