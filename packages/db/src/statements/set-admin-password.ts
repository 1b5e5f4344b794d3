import type { AuditContext } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instantParam } from "../sql.ts";
import { changeSecret, type OwnSession, type SecretChange } from "./change-secret.ts";

/**
 * Sets a new password and ends the sessions of the administrator.
 *
 * @param input.isIssued whether another person issued the password, so that it must be changed at the next sign-in
 * @param input.ownSession the session of the request, if the administrator chooses the password; it stays open
 * @param input.isGuarded whether the change is refused while the two-person rule is on; false if it is left out
 * @returns `unchanged` for an unknown e-mail, or when another change came first
 */
export async function setAdminPassword(
  db: Db,
  input: AuditContext & {
    email: string;
    passwordHash: string;
    isIssued: boolean;
    isGuarded?: boolean;
    ownSession?: OwnSession;
    now: Date;
  },
): Promise<SecretChange> {
  return changeSecret(db, input, {
    action: "admin.password",
    set: sql`password_hash = ${input.passwordHash}, ${passwordOwner(input)}`,
    isGuarded: input.isGuarded ?? false,
    ownSession: input.ownSession ?? null,
  });
}

/** The assignments that say who knows a new password. */
function passwordOwner({ isIssued, now }: { isIssued: boolean; now: Date }): SQL {
  return isIssued
    ? sql`must_change_password = true, empowered_at = ${instantParam(now)}`
    : sql`must_change_password = false`;
}
