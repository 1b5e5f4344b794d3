import type { LedgerKind } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { rowsOf } from "../sql.ts";

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
