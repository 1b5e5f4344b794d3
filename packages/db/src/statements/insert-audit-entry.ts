import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

/** Writes the audit row of an action that changes no other row, such as a retry on the queue board. */
export async function insertAuditEntry(
  db: Db,
  input: AuditContext & { action: string; object: string; now: Date },
): Promise<void> {
  await execute(
    db,
    sql`
    insert into audit_log (at, actor, action, object, request_id, client_address)
    values (${instantParam(input.now)}, ${input.actor}, ${input.action}, ${input.object}, ${requestParams(input)})`,
  );
}
