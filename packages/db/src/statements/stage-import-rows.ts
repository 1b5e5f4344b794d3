import type { UserStatus } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { execute, instantParam } from "../sql.ts";

/** A valid row of an import file; null where an optional column was empty. */
export interface ImportRow {
  readonly line: number;
  readonly externalId: string;
  readonly email: string;
  readonly name: string | null;
  readonly status: UserStatus;
  readonly balanceCents: bigint;
  readonly binanceEmail: string | null;
  readonly paymentMethodStatus: "pending" | "approved" | "rejected" | null;
  readonly previousInvoices: number | null;
  readonly joinedAt: Date | null;
}

/** Stores rows until the whole file is read. One JSON parameter is three times as fast as a thousand single ones. */
export async function stageImportRows(db: Db, importId: string, rows: readonly ImportRow[], now: Date): Promise<void> {
  const json = JSON.stringify(
    rows.map((row) => ({
      line: row.line,
      external_id: row.externalId,
      email: row.email,
      name: row.name,
      status: row.status,
      balance_cents: row.balanceCents.toString(),
      binance_email: row.binanceEmail,
      payment_method_status: row.paymentMethodStatus,
      previous_invoices: row.previousInvoices,
      joined_at: row.joinedAt?.toISOString() ?? null,
    })),
  );
  await execute(
    db,
    sql`
    insert into import_rows (import_id, staged_at, line, external_id, email, name, status, balance_cents, binance_email,
      payment_method_status, previous_invoices, joined_at)
    select ${importId}::uuid, ${instantParam(now)}, * from jsonb_to_recordset(${json}::jsonb) as row(
      line int, external_id text, email text, name text, status text, balance_cents bigint, binance_email text,
      payment_method_status text, previous_invoices bigint, joined_at timestamptz)`,
  );
}
