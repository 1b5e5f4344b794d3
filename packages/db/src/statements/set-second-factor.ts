import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { PROPOSAL_LIFE_MS } from "../session-lifetime.ts";
import { arrayParam, instantParam } from "../sql.ts";
import { changeSecret, type OwnSession } from "./change-secret.ts";

/**
 * Switches the second factor on with the secret that was proposed to a session, and ends the administrator's other sessions.
 *
 * @param input.step the time step of the code that proved the secret; that code cannot be used again
 * @returns the id of the administrator; null when the secret is not, or no longer, the one proposed to the session, or when
 *   another change came first
 */
export async function setSecondFactor(
  db: Db,
  input: AuditContext & {
    email: string;
    secret: string;
    step: number;
    recoveryHashes: readonly string[];
    ownSession: OwnSession;
    now: Date;
  },
): Promise<number | null> {
  const { secret, ownSession, now } = input;
  const proposedAfter = new Date(now.getTime() - PROPOSAL_LIFE_MS);
  const change = await changeSecret(db, input, {
    action: "admin.second-factor",
    set: sql`totp_secret = ${secret}::text, totp_last_step = ${input.step}, recovery_hashes = ${arrayParam(input.recoveryHashes, "text")}`,
    // PostgreSQL tests the columns of the administrator's row again after it has waited for another call: one of two succeeds.
    onlyIf: sql`totp_secret is distinct from ${secret}::text and exists (
      select from admin_sessions s where s.id = ${ownSession.sessionId}::bigint and s.admin_id = admins.id
        and s.proposed_secret = ${secret}::text and s.proposed_at > ${instantParam(proposedAfter)})`,
    isGuarded: false,
    ownSession,
  });
  return change.status === "changed" ? change.adminId : null;
}
