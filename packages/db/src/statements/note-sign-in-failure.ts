import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/**
 * Counts refused credentials in the hour in which they were given.
 *
 * @param failure.email the administrator's e-mail; null when there is no such administrator
 */
export async function noteSignInFailure(
  db: Db,
  { email, clientAddress, now }: { email: string | null; clientAddress: string; now: Date },
): Promise<void> {
  await execute(
    db,
    sql`
    insert into sign_in_failures as f (email, hour, failures, client_address)
    values (${email ?? "unknown"}, date_trunc('hour', ${instantParam(now)}, 'UTC'), 1, ${clientAddress})
    on conflict (hour, email) do update set failures = f.failures + 1, client_address = excluded.client_address`,
  );
}
