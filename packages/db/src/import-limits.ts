import { type SQL, sql } from "drizzle-orm";

/**
 * A SELECT of the staged rows that would create a user with an opening balance above a limit of the settings. The balances
 * of known users do not count, because an import never changes them.
 */
export function rowsAboveLimit(importId: string): SQL {
  return sql`
    select f.line, f.external_id, f.balance_cents, s.largest_entry_cents, s.largest_balance_cents
    from import_rows f join settings s on f.balance_cents > least(s.largest_entry_cents, s.largest_balance_cents)
    where f.import_id = ${importId}::uuid and not exists (select from users u where u.external_id = f.external_id)`;
}
