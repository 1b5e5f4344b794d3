import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instant, integer, type Row, text } from "../decoders.ts";
import { instantParam, rowsOf } from "../sql.ts";

const columns = { email: text, hour: instant, failures: integer };

/** The failed sign-ins of one administrator within one hour. */
export type SignInFailures = Row<typeof columns>;

const refusedCodeColumns = { email: text, at: instant, tries: integer, network: text };

/** Tries with the right password of an administrator that were not completed by a right code from the same network. */
export type RefusedCodes = Row<typeof refusedCodeColumns>;

/** What `auditRefusedCodes` has written since an instant. */
export async function listRefusedCodes(db: Db, since: Date): Promise<RefusedCodes[]> {
  return rowsOf(
    db,
    refusedCodeColumns,
    sql`
    select substr(object, length('admin:') + 1) as email, at, (after ->> 'tries')::int as tries, client_address as network
    from audit_log where action = 'session.refuse-code' and at >= ${instantParam(since)} order by at, id`,
  );
}

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
