import { type KeyOwner, ledgerKinds } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { check, index, pgTable, text, unique, uniqueIndex } from "drizzle-orm/pg-core";
import { cents, id, instant, isOneOf, isWithinCeiling, reference } from "./columns.ts";

/**
 * Append-only (a trigger refuses UPDATE, DELETE and TRUNCATE): every change of a balance, signed. Another trigger checks
 * the references to user and invoice per statement (docs/decisions/0009).
 */
export const ledgerEntries = pgTable(
  "ledger_entries",
  {
    id: id(),
    userId: reference().notNull(),
    kind: text({ enum: ledgerKinds }).notNull(),
    amountCents: cents().notNull(),
    invoiceId: reference(),
    /** Chosen by the caller: a conversion is credited once, however often it is sent. Null for entries of invoices. */
    idempotencyKey: text(),
    note: text(),
    actor: text().notNull(),
    createdAt: instant().notNull(),
    /** Whose key it is (docs/decisions/0025); null without a key, and in entries of older versions, whose keys are reserved. */
    keyOwner: text().$type<KeyOwner>(),
  },
  (t) => [
    // Partial, because the entries of invoices have no key and would only enlarge the index.
    // The key is first, because a statement also looks for the key in entries without an owner.
    uniqueIndex("ledger_entries_idempotency_key")
      .on(t.idempotencyKey, t.keyOwner)
      .where(sql`${t.idempotencyKey} is not null`),
    // An invoice takes its amount once and returns it at most once.
    unique("ledger_entries_once_per_invoice").on(t.invoiceId, t.kind),
    index("ledger_entries_user_idx").on(t.userId, t.id),
    // NOT VALID in the database: entries of older versions have a key and no owner.
    check("ledger_entries_key_has_owner", sql`(${t.idempotencyKey} is null) = (${t.keyOwner} is null)`),
    check("ledger_entries_ceiling", isWithinCeiling(t.amountCents)),
    check("ledger_entries_kind_known", isOneOf(t.kind, ledgerKinds)),
    check(
      "ledger_entries_sign_of_kind",
      sql`case ${t.kind} when 'credit' then ${t.amountCents} > 0 when 'invoice' then ${t.amountCents} < 0 when 'invoice-reversal' then ${t.amountCents} > 0 else ${t.amountCents} <> 0 end`,
    ),
    check(
      "ledger_entries_invoice_of_kind",
      sql`(${t.kind} in ('invoice', 'invoice-reversal')) = (${t.invoiceId} is not null)`,
    ),
    check("ledger_entries_adjustment_has_note", sql`${t.kind} <> 'adjustment' or coalesce(${t.note}, '') <> ''`),
  ],
);
