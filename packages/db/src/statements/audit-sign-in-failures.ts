import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/**
 * Writes the failed sign-ins of past hours to the audit log, a row per administrator and hour. A failure that is counted
 * late, by a process whose clock is behind, gets a row of its own.
 *
 * @returns the number of rows written
 */
export async function auditSignInFailures(db: Db, now: Date): Promise<number> {
  return execute(
    db,
    sql`
    with ended as (
      -- Locked, so that two ticks at once do not both write a row.
      select hour, email, failures - audited as failures, client_address from sign_in_failures
      where hour < date_trunc('hour', ${instantParam(now)}, 'UTC') and failures > audited
      order by hour, email
      for update
    ), marked as (
      update sign_in_failures f set audited = f.failures from ended e where f.hour = e.hour and f.email = e.email
    )
    insert into audit_log (at, actor, action, object, after, client_address)
    select ${instantParam(now)}, 'system', 'session.refuse', 'admin:' || email,
      jsonb_build_object('hour', to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), 'failures', failures), client_address
    from ended order by hour, email
    returning id`,
  );
}
