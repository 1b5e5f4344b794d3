import type { AuditContext, LedgerKind } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
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
 * Adds a conversion's earnings to a balance, once per key.
 *
 * @returns for a key that was used before: `already-credited` if user and amount are the same, else `key-conflict`
 */
export function creditUser(db: Db, credit: Credit): Promise<CreditResult> {
  return enterOnce(db, credit, { kind: "credit", action: "user.credit" });
}

/** Corrects a balance, once per key like {@link creditUser}. The amount is signed and may take the balance below zero. */
export function adjustBalance(db: Db, adjustment: Credit & { readonly note: string }): Promise<CreditResult> {
  return enterOnce(db, adjustment, { kind: "adjustment", action: "user.adjust" });
}

async function enterOnce(
  db: Db,
  credit: Credit,
  { kind, action }: { kind: LedgerKind; action: string },
): Promise<CreditResult> {
  const { externalId, amountCents, key, note, actor, now } = credit;
  const [entered] = await rowsOf<{ balance_cents: bigint }>(
    db,
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
  if (entered) return { status: "credited", balanceCents: entered.balance_cents };
  return whyNotEntered(db, credit, kind);
}

/** Finds out why no entry was made: the key was used before, or the user is unknown. */
async function whyNotEntered(
  db: Db,
  { externalId, amountCents, key }: Pick<Credit, "externalId" | "amountCents" | "key">,
  kind: LedgerKind,
): Promise<CreditResult> {
  const { balance_cents: balance, same } = await rowOf<{ balance_cents: bigint | null; same: boolean | null }>(
    db,
    sql`
    select
      (select balance_cents from users where external_id = ${externalId}) as balance_cents,
      (select u.external_id = ${externalId} and e.amount_cents = ${amountCents}::bigint and e.kind = ${kind}
       from ledger_entries e join users u on u.id = e.user_id where e.idempotency_key = ${key}) as same`,
  );
  if (balance === null) return { status: "unknown-user" };
  if (same === true) return { status: "already-credited", balanceCents: balance };
  return { status: "key-conflict" };
}

export interface LedgerEntry {
  readonly id: number;
  readonly externalId: string;
  readonly kind: LedgerKind;
  readonly amountCents: bigint;
  readonly invoiceNumber: string | null;
  readonly key: string | null;
  readonly note: string | null;
  readonly actor: string;
  readonly createdAt: Date;
}

/** A page of a user's ledger, newest first; `beforeId` is the id of the previous page's last entry. */
export async function listLedger(
  db: Db,
  userId: number,
  page: { beforeId?: number; limit: number },
): Promise<LedgerEntry[]> {
  return ledgerEntriesWhere(
    db,
    sql`l.user_id = ${userId} and l.id < ${page.beforeId ?? Number.MAX_SAFE_INTEGER}::bigint`,
    page.limit,
  );
}

/** The ledger entry with an idempotency key; null if there is none. */
export async function findEntryByKey(db: Db, key: string): Promise<LedgerEntry | null> {
  const [entry] = await ledgerEntriesWhere(db, sql`l.idempotency_key = ${key}`, 1);
  return entry ?? null;
}

async function ledgerEntriesWhere(db: Db, condition: SQL, limit: number): Promise<LedgerEntry[]> {
  const rows = await rowsOf<{
    id: bigint;
    external_id: string;
    kind: LedgerKind;
    amount_cents: bigint;
    number: string | null;
    idempotency_key: string | null;
    note: string | null;
    actor: string;
    created_at: string;
  }>(
    db,
    sql`
    select l.id, u.external_id, l.kind, l.amount_cents, i.number, l.idempotency_key, l.note, l.actor, l.created_at
    from ledger_entries l join users u on u.id = l.user_id left join invoices i on i.id = l.invoice_id
    where ${condition} order by l.id desc limit ${limit}`,
  );
  return rows.map((row) => ({
    id: Number(row.id),
    externalId: row.external_id,
    kind: row.kind,
    amountCents: row.amount_cents,
    invoiceNumber: row.number,
    key: row.idempotency_key,
    note: row.note,
    actor: row.actor,
    createdAt: new Date(row.created_at),
  }));
}
