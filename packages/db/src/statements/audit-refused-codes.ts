import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { isOfRefusedCodes, REFUSED_CODE } from "../refused-codes.ts";
import { execute, instantParam } from "../sql.ts";

/**
 * Writes to the audit log who gave the right password and no right code within ten minutes, a row per administrator, network
 * and ten minutes.
 *
 * @returns the number of rows written
 */
export async function auditRefusedCodes(db: Db, now: Date): Promise<number> {
  return execute(
    db,
    sql`
    with ended as (
      -- In key order, as sign-ins take them. Those that another tick has taken are left to it.
      select t.key from throttles t where t.window_ends_at <= ${instantParam(now)} and ${isOfRefusedCodes}
      order by t.key for update skip locked
    ), taken as (
      delete from throttles t using ended e where t.key = e.key and t.window_ends_at <= ${instantParam(now)}
      returning t.account, t.tries, split_part(substr(t.key, length(${REFUSED_CODE} || t.account || ' ') + 1), ' ', 1) as network
    )
    insert into audit_log (at, actor, action, object, after, client_address)
    select ${instantParam(now)}, 'system', 'session.refuse-code', 'admin:' || account, jsonb_build_object('tries', tries), network
    from taken order by account, network
    returning id`,
  );
}
