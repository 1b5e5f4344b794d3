import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { count, id } from "../decoders.ts";
import { isOfRefusedCodes } from "../refused-codes.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

/**
 * Deletes the counts of an administrator's failed tries, from all addresses. Those that limit nothing stay for the audit log.
 *
 * @returns the administrator's id and the number of counts; null for an unknown e-mail
 */
export async function liftTries(
  db: Db,
  input: AuditContext & { email: string; now: Date },
): Promise<{ adminId: number; counts: number } | null> {
  const [unlocked] = await rowsOf(
    db,
    { adminId: id, counts: count },
    sql`
    with admin as (
      select id, email from admins where email = ${input.email.toLowerCase()}
    ), lifted as (
      delete from throttles t using admin a where t.account = a.email and not ${isOfRefusedCodes} returning t.key
    ), unlocked as (
      select id, email, (select count(*) from lifted) as counts from admin
    ), audit as (
      insert into audit_log (at, actor, action, object, after, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'admin.unlock', 'admin:' || email, jsonb_build_object('counts', counts),
        ${requestParams(input)}
      from unlocked
    )
    select id as admin_id, counts from unlocked`,
  );
  return unlocked ?? null;
}
