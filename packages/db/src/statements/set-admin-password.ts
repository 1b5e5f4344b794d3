import type { AuditContext } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { changeSecret } from "./change-secret.ts";

/**
 * Sets a new password and ends the sessions of the administrator.
 *
 * @param input.exceptSessionId the session of the request, which stays open
 * @returns the id of the administrator; null for an unknown e-mail
 */
export async function setAdminPassword(
  db: Db,
  input: AuditContext & { email: string; passwordHash: string; exceptSessionId?: number; now: Date },
): Promise<number | null> {
  return changeSecret(db, input, {
    action: "admin.password",
    set: sql`password_hash = ${input.passwordHash}`,
    exceptSessionId: input.exceptSessionId ?? null,
  });
}
