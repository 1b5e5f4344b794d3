import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute } from "../sql.ts";

/**
 * Uses up a code of the second factor.
 *
 * @param use the time step of a TOTP code, or the hash of a recovery code
 * @returns false when that code or a later TOTP code was used before, or the recovery code is unknown
 */
export async function useSecondFactor(
  db: Db,
  adminId: number,
  use: { step: number } | { recoveryHash: string },
): Promise<boolean> {
  const returned = await execute(
    db,
    "step" in use
      ? sql`update admins set totp_last_step = ${use.step} where id = ${adminId} and totp_last_step < ${use.step} returning id`
      : sql`
        update admins set recovery_hashes = array_remove(recovery_hashes, ${use.recoveryHash})
        where id = ${adminId} and ${use.recoveryHash} = any(recovery_hashes) returning id`,
  );
  return returned > 0;
}
