import { randomUUID } from "node:crypto";
import { parseCents } from "@cpa-payouts/core";
import {
  analyzeImported,
  analyzeImportRows,
  discardImport,
  type ImportRow,
  mergeImport,
  stageImportRows,
} from "../index.ts";
import type { DataTestContext } from "./data-test-context.ts";

/** A user of a test network, as a row of an import file. */
export interface TestUser {
  readonly externalId: string;
  readonly status?: "active" | "suspended" | "closed";
  /** Dollars, such as `150.00`. */
  readonly balance?: string;
  readonly method?: "pending" | "approved" | "rejected" | null;
  readonly previousInvoices?: number;
  readonly binanceEmail?: string;
}

const HEADER =
  "external_id,email,name,status,balance,binance_email,payment_method_status,previous_invoices,joined_at\n";
const JOINED = "2025-01-31";
const STAGED_AT_A_TIME = 2_000;

/** The users as an import file. Left-out fields make an active, returning user with $150.00 and an approved method. */
export function toCsv(users: readonly TestUser[]): string {
  return HEADER + users.map((user) => `${Object.values(fieldsOf(user)).join(",")}\n`).join("");
}

/** A user's fields in the order of the file's columns. */
function fieldsOf(user: TestUser) {
  const { externalId, status = "active", balance = "150.00", method = "approved", previousInvoices = 1 } = user;
  return {
    externalId,
    email: `${externalId}@example.com`,
    name: `User ${externalId}`,
    status,
    balance,
    binanceEmail: method === null ? null : (user.binanceEmail ?? `${externalId}@pay.example.com`),
    paymentMethodStatus: method,
    previousInvoices,
    joined: JOINED,
  };
}

/** Imports a test network through the product's own statements. */
export async function importNetwork({ db, clock }: DataTestContext, users: readonly TestUser[]): Promise<void> {
  const importId = randomUUID();
  const now = clock();
  const rows = users.map(toImportRow);
  for (let first = 0; first < rows.length; first += STAGED_AT_A_TIME)
    await stageImportRows(db, importId, rows.slice(first, first + STAGED_AT_A_TIME), now);
  await analyzeImportRows(db);
  const { status } = await mergeImport(db, { importId, actor: "test", overrideStatus: false, now });
  if (status !== "merged") throw new Error(`the network was not imported: ${status}`);
  await analyzeImported(db);
  await discardImport(db, importId);
}

function toImportRow(user: TestUser, index: number): ImportRow {
  const { balance, joined, ...fields } = fieldsOf(user);
  // Line 1 of the file is its header.
  return { ...fields, line: index + 2, balanceCents: parseCents(balance), joinedAt: new Date(joined) };
}
