import type { AuditContext, KeyOwner, LedgerKind } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { cents, flag, nullable, oneOf, type Row } from "../decoders.ts";
import { isOwnedBy } from "../key-owner.ts";
import { instantParam, requestParams, rowsOf } from "../sql.ts";

export interface Credit extends AuditContext {
  readonly externalId: string;
  readonly amountCents: bigint;
  /** The idempotency key. */
  readonly key: string;
  /** Whose key it is: others may use the same key for entries of their own. */
  readonly keyOwner: KeyOwner;
  readonly note: string | null;
  readonly now: Date;
}

/** The limits of amounts in the settings. */
export type AmountLimit = "largest-entry" | "largest-balance";

export type CreditResult =
  | { readonly status: "credited"; readonly balanceCents: bigint }
  | { readonly status: "already-credited"; readonly balanceCents: bigint }
  /** The owner used the key for another user, amount or kind of entry; nothing was changed. */
  | { readonly status: "key-conflict" }
  /** Another caller used the key while keys were common to all, in an older version; nothing was changed. */
  | { readonly status: "key-reserved" }
  | { readonly status: "unknown-user" }
  /** The amount is above the limit, or the balance would be; nothing was changed. `balanceCents` is the present balance. */
  | {
      readonly status: "above-limit";
      readonly limit: AmountLimit;
      readonly limitCents: bigint;
      readonly balanceCents: bigint;
    };

const columns = {
  isEntered: flag,
  balanceCents: cents,
  limit: nullable(oneOf(["largest-entry", "largest-balance"])),
  limitCents: nullable(cents),
};

/**
 * Adds a ledger entry to a balance, once per key and owner, with its audit row. An entry above the limits of the settings is refused.
 * The limit of balances is judged under the user's lock; an entry that brings a balance beyond it closer to zero is made.
 *
 * @returns for a key that the owner used before: `already-credited` if user, amount and kind are the same, else `key-conflict`
 */
export async function enterOnce(
  db: Db,
  credit: Credit,
  { kind, action }: { kind: LedgerKind; action: string },
): Promise<CreditResult> {
  const { externalId, amountCents, key, keyOwner, note, actor, now } = credit;
  const amount = sql`${amountCents}::bigint`;
  const [result] = await rowsOf(
    db,
    columns,
    sql`
    with locked as (
      select id, balance_cents from users where external_id = ${externalId} for no key update
    ), judged as (
      select l.id, l.balance_cents, s.largest_entry_cents, s.largest_balance_cents, case
          when abs(${amount}) > s.largest_entry_cents then 'largest-entry'
          when ${amount} > 0 and l.balance_cents + ${amount} > s.largest_balance_cents then 'largest-balance'
          when ${amount} < 0 and l.balance_cents + ${amount} < -s.largest_balance_cents then 'largest-balance'
        end as refused_by
      from locked l cross join settings s
    ), entry as (
      insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, key_owner, note, actor, created_at)
      select id, ${kind}::text, ${amount}, ${key}, ${keyOwner}, ${note}::text, ${actor}, ${instantParam(now)}
      from judged
      where refused_by is null
        -- Entries of older versions. No statement adds any, so none can appear meanwhile.
        and not exists (select from ledger_entries where idempotency_key = ${key} and key_owner is null)
      on conflict (idempotency_key, key_owner) where idempotency_key is not null do nothing
      returning user_id, amount_cents
    ), changed as (
      update users u set balance_cents = u.balance_cents + e.amount_cents, updated_at = ${instantParam(now)}
      from entry e where u.id = e.user_id
      returning u.id, u.balance_cents
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after, request_id, client_address)
      select ${instantParam(now)}, ${actor}, ${action}::text, 'user:' || id, ${note}::text,
        jsonb_build_object('balanceCents', (balance_cents - ${amount})::text),
        jsonb_build_object('balanceCents', balance_cents::text, 'key', ${key}::text), ${requestParams(credit)}
      from changed
    )
    select c.id is not null as is_entered, coalesce(c.balance_cents, j.balance_cents) as balance_cents, j.refused_by as "limit",
      case j.refused_by when 'largest-entry' then j.largest_entry_cents when 'largest-balance' then j.largest_balance_cents end
        as limit_cents
    from judged j left join changed c on c.id = j.id`,
  );
  if (!result) return { status: "unknown-user" };
  if (result.isEntered) return { status: "credited", balanceCents: result.balanceCents };
  return whyNotEntered(db, credit, kind, result);
}

/**
 * Finds out why no entry was made for a known user. A key that was used before comes first: a request that is sent again
 * gets the same response, whatever the limits are by now.
 */
async function whyNotEntered(
  db: Db,
  { externalId, amountCents, key, keyOwner }: Pick<Credit, "externalId" | "amountCents" | "key" | "keyOwner">,
  kind: LedgerKind,
  { balanceCents, limit, limitCents }: Row<typeof columns>,
): Promise<CreditResult> {
  const [earlier] = await rowsOf(
    db,
    { isOwn: flag, isSame: flag, balanceCents: cents },
    sql`
    select ${isOwnedBy(keyOwner)} as is_own, u.balance_cents,
      u.external_id = ${externalId} and l.amount_cents = ${amountCents}::bigint and l.kind = ${kind} as is_same
    from ledger_entries l join users u on u.id = l.user_id
    where l.idempotency_key = ${key} and (l.key_owner = ${keyOwner} or l.key_owner is null)`,
  );
  if (earlier && !earlier.isOwn) return { status: "key-reserved" };
  if (earlier?.isSame) return { status: "already-credited", balanceCents: earlier.balanceCents };
  if (earlier) return { status: "key-conflict" };
  if (limit === null || limitCents === null) throw new Error("the ledger entry was neither made nor refused");
  return { status: "above-limit", limit, limitCents, balanceCents };
}
