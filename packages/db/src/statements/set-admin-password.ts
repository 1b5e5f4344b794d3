import type { AuditContext } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instantParam } from "../sql.ts";
import { changeSecret } from "./change-secret.ts";

/**
 * Sets a new password and ends the sessions of the administrator.
 *
 * @param input.isIssued whether another person issued the password, so that it must be changed at the next sign-in
 * @param input.exceptSessionId the session of the request, which stays open
 * @returns the id of the administrator; null for an unknown e-mail
 */
export async function setAdminPassword(
  db: Db,
  input: AuditContext & {
    email: string;
    passwordHash: string;
    isIssued: boolean;
    exceptSessionId?: number;
    now: Date;
  },
): Promise<number | null> {
  return changeSecret(db, input, {
    action: "admin.password",
    set: sql`password_hash = ${input.passwordHash}, ${passwordOwner(input)}`,
    exceptSessionId: input.exceptSessionId ?? null,
  });
}

/** The assignments that say who knows a new password. */
function passwordOwner({ isIssued, now }: { isIssued: boolean; now: Date }): SQL {
  return isIssued
    ? sql`must_change_password = true, empowered_at = ${instantParam(now)}`
    : sql`must_change_password = false`;
}
