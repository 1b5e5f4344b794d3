import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

/**
 * Revokes a token.
 *
 * @returns whether this call revoked it; false when it is unknown or was revoked before
 */
export async function markApiTokenRevoked(db: Db, input: AuditContext & { name: string; now: Date }): Promise<boolean> {
  const returned = await execute(
    db,
    sql`
    with revoked as (
      update api_tokens set revoked_at = ${instantParam(input.now)} where name = ${input.name} and revoked_at is null returning name
    ), audit as (
      insert into audit_log (at, actor, action, object, request_id, client_address)
      select ${instantParam(input.now)}, ${input.actor}, 'token.revoke', 'token:' || name, ${requestParams(input)} from revoked
    )
    select name from revoked`,
  );
  return returned > 0;
}
