import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instantParam } from "../sql.ts";
import { changeSecret, type OwnSession, type SecretChange } from "./change-secret.ts";

/** The assignments that remove a second factor. */
export const NO_SECOND_FACTOR = sql`totp_secret = null, totp_last_step = 0, recovery_hashes = '{}'`;

/**
 * Removes the second factor and its recovery codes, and ends the sessions of the administrator.
 *
 * @param input.isByAnother whether another person than the administrator removes it
 * @param input.ownSession the session of the request, if it is the administrator's own; it stays open
 * @param input.isGuarded whether the change is refused while the two-person rule is on; false if it is left out
 * @returns `unchanged` for an unknown e-mail, or when another change came first
 */
export async function clearSecondFactor(
  db: Db,
  input: AuditContext & {
    email: string;
    isByAnother: boolean;
    isGuarded?: boolean;
    ownSession?: OwnSession;
    now: Date;
  },
): Promise<SecretChange> {
  return changeSecret(db, input, {
    action: "admin.no-second-factor",
    set: input.isByAnother ? sql`${NO_SECOND_FACTOR}, empowered_at = ${instantParam(input.now)}` : NO_SECOND_FACTOR,
    isGuarded: input.isGuarded ?? false,
    ownSession: input.ownSession ?? null,
  });
}
