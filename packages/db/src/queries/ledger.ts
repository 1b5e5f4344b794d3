import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { instantParam, rowOf, rowsOf } from "../sql.ts";

export interface Credit {
  readonly externalId: string;
  readonly amountCents: bigint;
  readonly key: string;
  readonly note: string | null;
  readonly actor: string;
  readonly now: Date;
}

export type CreditResult =
  | { readonly status: "credited"; readonly balanceCents: bigint }
  | { readonly status: "already-credited"; readonly balanceCents: bigint }
  /** The key was used for another user or another amount; nothing was changed. */
  | { readonly status: "key-conflict" }
  | { readonly status: "unknown-user" };

/**
 * Adds a conversion's earnings to a balance, once per key: the same key with the same user and amount is answered
 * `already-credited`, with anything else `key-conflict`.
 */
export async function creditUser(db: Db, credit: Credit): Promise<CreditResult> {
  const { externalId, amountCents, key, note, actor, now } = credit;
  const rows = await rowsOf<{ balance_cents: bigint }>(
    db,
    sql`
    with entry as (
      insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, note, actor, created_at)
      select id, 'credit', ${amountCents}, ${key}, ${note}, ${actor}, ${instantParam(now)}
      from users where external_id = ${externalId}
      on conflict (idempotency_key) where idempotency_key is not null do nothing
      returning user_id, amount_cents
    ), credited as (
      update users u set balance_cents = u.balance_cents + e.amount_cents, updated_at = ${instantParam(now)}
      from entry e where u.id = e.user_id
      returning u.id, u.balance_cents
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after)
      select ${instantParam(now)}, ${actor}, 'user.credit', 'user:' || id, ${note},
        jsonb_build_object('balanceCents', (balance_cents - ${amountCents}::bigint)::text),
        jsonb_build_object('balanceCents', balance_cents::text, 'key', ${key}::text)
      from credited
    )
    select balance_cents from credited`,
  );
  const [credited] = rows;
  if (credited) return { status: "credited", balanceCents: credited.balance_cents };
  return whyNotCredited(db, credit);
}

async function whyNotCredited(db: Db, { externalId, amountCents, key }: Credit): Promise<CreditResult> {
  const { balance_cents: balance, same } = await rowOf<{ balance_cents: bigint | null; same: boolean | null }>(
    db,
    sql`
    select
      (select balance_cents from users where external_id = ${externalId}) as balance_cents,
      (select u.external_id = ${externalId} and e.amount_cents = ${amountCents}::bigint and e.kind = 'credit'
       from ledger_entries e join users u on u.id = e.user_id where e.idempotency_key = ${key}) as same`,
  );
  if (balance === null) return { status: "unknown-user" };
  if (same === true) return { status: "already-credited", balanceCents: balance };
  return { status: "key-conflict" };
}
