import type { KeyOwner } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";

/**
 * The condition that the key of a ledger entry, `l`, is a caller's. Entries of older versions have no owner. Theirs is whom
 * the actor names: a token, an administrator, and otherwise the command line, whose users choose how they are named.
 */
export function isOwnedBy(keyOwner: KeyOwner): SQL {
  return sql`coalesce(
      l.key_owner,
      (select 'token:' || coalesce(t.key_owner_id, t.id) from api_tokens t where 'token:' || t.name = l.actor),
      (select 'admin:' || a.id from admins a where a.email = l.actor),
      'cli'
    ) = ${keyOwner}`;
}
