import { type SQL, sql } from "drizzle-orm";

/**
 * So many sign-ins of one account from new addresses are reported within 24 hours. Ten alerts are enough for the
 * owner of the account, and a person with many networks must not be able to raise alerts without end.
 */
export const NEW_ADDRESSES_A_DAY = 10;

/**
 * The number of sign-ins of an administrator that are reported of the 24 hours before an instant, counted up to the limit.
 *
 * @param of.sessions a condition on these sessions, `n`
 */
export function countReported(of: { adminId: SQL; before: SQL; sessions?: SQL }): SQL {
  const { adminId, before, sessions = sql`true` } = of;
  return sql`(select count(*) from (
    select from admin_sessions n where n.is_new_address and n.admin_id = ${adminId}
      and n.created_at > ${before} - interval '24 hours' and ${sessions} limit ${NEW_ADDRESSES_A_DAY}) reported)`;
}
