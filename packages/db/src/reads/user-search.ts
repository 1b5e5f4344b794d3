import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { arrayOf, id, nullable } from "../decoders.ts";
import { likePrefix, rowOf } from "../sql.ts";

/** An SQL condition: the user's external id, e-mail or name begins with a text, ignoring case in the latter two. */
export function userSearch(alias: string, text: string): SQL {
  return sql`(${sql.join(userSearches(alias, text), sql` or `)})`;
}

function userSearches(alias: string, text: string): SQL[] {
  const prefix = likePrefix(text);
  const lowerPrefix = likePrefix(text.toLowerCase());
  const column = (name: string) => sql.raw(`${alias}.${name}`);
  return [
    sql`${column("external_id")} like ${prefix}`,
    sql`lower(${column("email")}) like ${lowerPrefix}`,
    sql`lower(${column("name")}) like ${lowerPrefix}`,
  ];
}

/** This many users, or the invoices of this many users, are fetched and sorted in a few milliseconds. */
const FEW_USERS = 2_000;

/**
 * The ids of the users that a search matches; null when they are many. A list of few starts from their ids. A list of many
 * scans rows in the wanted order and tests each, and a page fills soon. PostgreSQL cannot make this choice, since it does not
 * know how many users match a prefix.
 */
export async function findFewUsers(db: Db, search: string): Promise<readonly number[] | null> {
  // One index scan per column, each ending as soon as it has found too many users.
  const found = sql.join(
    userSearches("u", search).map(
      (condition) => sql`(select u.id from users u where ${condition} limit ${FEW_USERS + 1})`,
    ),
    sql` union `,
  );
  const { ids } = await rowOf(
    db,
    { ids: nullable(arrayOf(id)) },
    sql`select case when count(*) <= ${FEW_USERS} then coalesce(array_agg(id), '{}') end as ids from (${found}) found`,
  );
  return ids;
}
