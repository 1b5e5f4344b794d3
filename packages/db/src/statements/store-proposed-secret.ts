import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/**
 * Stores the TOTP secret that the server proposes to a session, in place of an earlier one. It changes no credential, so it
 * has no audit row.
 */
export async function storeProposedSecret(
  db: Db,
  { sessionId, secret, now }: { sessionId: number; secret: string; now: Date },
): Promise<void> {
  await execute(
    db,
    sql`update admin_sessions set proposed_secret = ${secret}, proposed_at = ${instantParam(now)} where id = ${sessionId}`,
  );
}
