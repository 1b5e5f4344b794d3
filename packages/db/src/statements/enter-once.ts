import type { AuditContext, LedgerKind } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { cents, flag, nullable } from "../decoders.ts";
import { instantParam, requestParams, rowOf, rowsOf } from "../sql.ts";

export interface Credit extends AuditContext {
  readonly externalId: string;
  readonly amountCents: bigint;
  /** The idempotency key. */
  readonly key: string;
  readonly note: string | null;
  readonly now: Date;
}

export type CreditResult =
  | { readonly status: "credited"; readonly balanceCents: bigint }
  | { readonly status: "already-credited"; readonly balanceCents: bigint }
  /** The key was used for another user, amount or kind of entry; nothing was changed. */
  | { readonly status: "key-conflict" }
  | { readonly status: "unknown-user" };

/**
 * Adds a ledger entry to a balance, once per key, with its audit row.
 *
 * @returns for a key that was used before: `already-credited` if user, amount and kind are the same, else `key-conflict`
 */
export async function enterOnce(
  db: Db,
  credit: Credit,
  { kind, action }: { kind: LedgerKind; action: string },
): Promise<CreditResult> {
  const { externalId, amountCents, key, note, actor, now } = credit;
  const [entered] = await rowsOf(
    db,
    { balanceCents: cents },
    sql`
    with entry as (
      insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, note, actor, created_at)
      select id, ${kind}::text, ${amountCents}::bigint, ${key}, ${note}::text, ${actor}, ${instantParam(now)}
      from users where external_id = ${externalId}
      on conflict (idempotency_key) where idempotency_key is not null do nothing
      returning user_id, amount_cents
    ), changed as (
      update users u set balance_cents = u.balance_cents + e.amount_cents, updated_at = ${instantParam(now)}
      from entry e where u.id = e.user_id
      returning u.id, u.balance_cents
    ), audit as (
      insert into audit_log (at, actor, action, object, reason, before, after, request_id, client_address)
      select ${instantParam(now)}, ${actor}, ${action}::text, 'user:' || id, ${note}::text,
        jsonb_build_object('balanceCents', (balance_cents - ${amountCents}::bigint)::text),
        jsonb_build_object('balanceCents', balance_cents::text, 'key', ${key}::text), ${requestParams(credit)}
      from changed
    )
    select balance_cents from changed`,
  );
  if (entered) return { status: "credited", balanceCents: entered.balanceCents };
  return whyNotEntered(db, credit, kind);
}

/** Finds out why no entry was made: the key was used before, or the user is unknown. */
async function whyNotEntered(
  db: Db,
  { externalId, amountCents, key }: Pick<Credit, "externalId" | "amountCents" | "key">,
  kind: LedgerKind,
): Promise<CreditResult> {
  const { balanceCents, same } = await rowOf(
    db,
    { balanceCents: nullable(cents), same: nullable(flag) },
    sql`
    select
      (select balance_cents from users where external_id = ${externalId}) as balance_cents,
      (select u.external_id = ${externalId} and e.amount_cents = ${amountCents}::bigint and e.kind = ${kind}
       from ledger_entries e join users u on u.id = e.user_id where e.idempotency_key = ${key}) as same`,
  );
  if (balanceCents === null) return { status: "unknown-user" };
  if (same === true) return { status: "already-credited", balanceCents };
  return { status: "key-conflict" };
}
