import { type KeyOwner, ledgerKinds } from "@cpa-payouts/core";
import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { cents, id, instant, nullable, oneOf, type Row, text } from "../decoders.ts";
import { isOwnedBy } from "../key-owner.ts";
import { rowsOf } from "../sql.ts";

const columns = {
  id,
  externalId: text,
  kind: oneOf(ledgerKinds),
  amountCents: cents,
  invoiceNumber: nullable(text),
  key: nullable(text),
  note: nullable(text),
  actor: text,
  createdAt: instant,
};

export type LedgerEntry = Row<typeof columns>;

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

/** The ledger entry that a caller has made with an idempotency key; null if there is none. */
export async function findEntryByKey(
  db: Db,
  { key, keyOwner }: { key: string; keyOwner: KeyOwner },
): Promise<LedgerEntry | null> {
  const [entry] = await ledgerEntriesWhere(db, sql`l.idempotency_key = ${key} and ${isOwnedBy(keyOwner)}`, 1);
  return entry ?? null;
}

async function ledgerEntriesWhere(db: Db, condition: SQL, limit: number): Promise<LedgerEntry[]> {
  return rowsOf(
    db,
    columns,
    sql`
    select l.id, u.external_id, l.kind, l.amount_cents, i.number as invoice_number, l.idempotency_key as key, l.note, l.actor, l.created_at
    from ledger_entries l join users u on u.id = l.user_id left join invoices i on i.id = l.invoice_id
    where ${condition} order by l.id desc limit ${limit}`,
  );
}
