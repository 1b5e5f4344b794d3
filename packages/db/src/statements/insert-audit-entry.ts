import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam, requestParams } from "../sql.ts";

/** Writes the audit row of an action that changes no other row, such as a retry on the queue board. `after` tells more about it. */
export async function insertAuditEntry(
  db: Db,
  input: AuditContext & { action: string; object: string; after?: object; now: Date },
): Promise<void> {
  const after = input.after === undefined ? null : JSON.stringify(input.after);
  await execute(
    db,
    sql`
    insert into audit_log (at, actor, action, object, after, request_id, client_address)
    values (${instantParam(input.now)}, ${input.actor}, ${input.action}, ${input.object}, ${after}::jsonb, ${requestParams(input)})`,
  );
}
