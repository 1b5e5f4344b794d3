import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instant, integer, type Row, text } from "../decoders.ts";
import { instantParam, rowsOf } from "../sql.ts";

const columns = { email: text, hour: instant, failures: integer };

/** The failed sign-ins of one administrator within one hour. */
export type SignInFailures = Row<typeof columns>;

/** The failed sign-ins since an instant, by administrator and hour. Those of e-mails without an account are left out. */
export async function listSignInFailures(db: Db, since: Date): Promise<SignInFailures[]> {
  return rowsOf(
    db,
    columns,
    sql`
    select f.email, f.hour, f.failures from sign_in_failures f join admins a on a.email = f.email
    where f.hour >= ${instantParam(since)} order by f.hour, f.email`,
  );
}
