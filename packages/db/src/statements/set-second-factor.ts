import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { arrayParam } from "../sql.ts";
import { changeSecret } from "./change-secret.ts";

/**
 * Sets or removes the second factor and ends the sessions of the administrator.
 *
 * @param input.secret base32; null removes the second factor
 * @param input.exceptSessionId the session of the request, which stays open
 * @returns the id of the administrator; null for an unknown e-mail
 */
export async function setSecondFactor(
  db: Db,
  input: AuditContext & {
    email: string;
    secret: string | null;
    recoveryHashes: readonly string[];
    exceptSessionId?: number;
    now: Date;
  },
): Promise<number | null> {
  return changeSecret(db, input, {
    action: input.secret ? "admin.second-factor" : "admin.no-second-factor",
    set: sql`totp_secret = ${input.secret}::text, totp_last_step = 0, recovery_hashes = ${arrayParam(input.recoveryHashes, "text")}`,
    exceptSessionId: input.exceptSessionId ?? null,
  });
}
