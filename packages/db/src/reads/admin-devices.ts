import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { id } from "../decoders.ts";
import { instantParam, rowsOf } from "../sql.ts";

/**
 * The id of a browser in which the administrator with an e-mail has signed in with the present credentials; null when it is not, or
 * no longer, known.
 */
export async function findDevice(
  db: Db,
  { tokenHash, email, now }: { tokenHash: string; email: string; now: Date },
): Promise<number | null> {
  const [device] = await rowsOf(
    db,
    { id },
    sql`
    select d.id
    from admin_devices d
      join admins a on a.id = d.admin_id
      join admin_sessions s on s.id = d.session_id and s.credentials_version = a.credentials_version
    where d.token_hash = ${tokenHash} and a.email = ${email.toLowerCase()} and d.expires_at > ${instantParam(now)}`,
  );
  return device?.id ?? null;
}
