import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { changeSecret } from "./change-secret.ts";

/**
 * Removes the second factor and its recovery codes, and ends the sessions of the administrator.
 *
 * @param input.exceptSessionId the session of the request, which stays open
 * @returns the id of the administrator; null for an unknown e-mail
 */
export async function clearSecondFactor(
  db: Db,
  input: AuditContext & { email: string; exceptSessionId?: number; now: Date },
): Promise<number | null> {
  return changeSecret(db, input, {
    action: "admin.no-second-factor",
    set: sql`totp_secret = null, totp_last_step = 0, recovery_hashes = '{}'`,
    exceptSessionId: input.exceptSessionId ?? null,
  });
}
