import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { isOfRefusedCodes } from "../refused-codes.ts";
import { execute, instantParam } from "../sql.ts";

const DAY_MS = 86_400_000;
/** The counts of failed sign-ins are kept this long after the audit log has them; alerts need the last day. */
const FAILURES_KEPT_MS = 7 * DAY_MS;

/**
 * Deletes what sign-ins have left: counts whose window has ended, devices that have expired, and failures that the audit
 * log has. A bounded number of rows per call, so that a flood of sign-ins does not make a tick slow.
 *
 * @param input.limit the most counts and the most devices that one call deletes
 */
export async function pruneSignIns(db: Db, { now, limit }: { now: Date; limit: number }): Promise<void> {
  const failuresBefore = new Date(now.getTime() - FAILURES_KEPT_MS);
  await execute(
    db,
    sql`
    with counts as (
      -- A row that a sign-in holds at this moment is in use; without "skip locked" two prunes could also deadlock.
      delete from throttles where key in (
        select t.key from throttles t where t.window_ends_at <= ${instantParam(now)} and not ${isOfRefusedCodes}
        order by window_ends_at limit ${limit} for update skip locked)
    ), devices as (
      delete from admin_devices where id in (
        select id from admin_devices where expires_at <= ${instantParam(now)}
        order by expires_at limit ${limit} for update skip locked)
    )
    delete from sign_in_failures where hour < ${instantParam(failuresBefore)} and audited = failures`,
  );
}
