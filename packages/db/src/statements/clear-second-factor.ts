import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instantParam } from "../sql.ts";
import { changeSecret } from "./change-secret.ts";

/** The assignments that remove a second factor. */
export const NO_SECOND_FACTOR = sql`totp_secret = null, totp_last_step = 0, recovery_hashes = '{}'`;

/**
 * Removes the second factor and its recovery codes, and ends the sessions of the administrator.
 *
 * @param input.isByAnother whether another person than the administrator removes it
 * @param input.exceptSessionId the session of the request, which stays open
 * @returns the id of the administrator; null for an unknown e-mail
 */
export async function clearSecondFactor(
  db: Db,
  input: AuditContext & { email: string; isByAnother: boolean; exceptSessionId?: number; now: Date },
): Promise<number | null> {
  return changeSecret(db, input, {
    action: "admin.no-second-factor",
    set: input.isByAnother ? sql`${NO_SECOND_FACTOR}, empowered_at = ${instantParam(input.now)}` : NO_SECOND_FACTOR,
    exceptSessionId: input.exceptSessionId ?? null,
  });
}
