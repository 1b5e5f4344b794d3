import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/** Deletes the attempts of a key, after a successful one, and all rows whose window has ended. */
export async function forgetTries(db: Db, key: string, now: Date): Promise<void> {
  await execute(db, sql`delete from throttles where key = ${key} or window_ends_at < ${instantParam(now)}`);
}
