import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute } from "../sql.ts";

/**
 * Replaces the hash of a password by another one of the same password, unless the password was changed meanwhile. The
 * credential stays the same, so the sessions stay open and there is no audit row.
 */
export async function renewPasswordHash(
  db: Db,
  { adminId, from, to }: { adminId: number; from: string; to: string },
): Promise<void> {
  await execute(db, sql`update admins set password_hash = ${to} where id = ${adminId} and password_hash = ${from}`);
}
