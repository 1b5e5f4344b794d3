import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instantParam } from "../sql.ts";
import { changeSecret, type SecretChange } from "./change-secret.ts";

/** The assignments that remove a second factor. */
export const NO_SECOND_FACTOR = sql`totp_secret = null, totp_last_step = 0, recovery_hashes = '{}'`;

/**
 * Removes the second factor and its recovery codes, and ends the sessions of the administrator.
 *
 * @param input.isByAnother whether another person than the administrator removes it
 * @param input.exceptSessionId the session of the request, which stays open
 * @param input.isGuarded whether the change is refused while the two-person rule is on; false if it is left out
 * @returns `unchanged` for an unknown e-mail
 */
export async function clearSecondFactor(
  db: Db,
  input: AuditContext & {
    email: string;
    isByAnother: boolean;
    isGuarded?: boolean;
    exceptSessionId?: number;
    now: Date;
  },
): Promise<SecretChange> {
  return changeSecret(db, input, {
    action: "admin.no-second-factor",
    set: input.isByAnother ? sql`${NO_SECOND_FACTOR}, empowered_at = ${instantParam(input.now)}` : NO_SECOND_FACTOR,
    isGuarded: input.isGuarded ?? false,
    exceptSessionId: input.exceptSessionId ?? null,
  });
}
