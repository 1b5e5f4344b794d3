import { Readable } from "node:stream";
import type { DataContext } from "@cpa-payouts/pipeline";
import { importUsers } from "@cpa-payouts/pipeline";

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

/** The users as an import file. Left-out fields make an active, returning user with $150.00 and an approved method. */
export function toCsv(users: readonly TestUser[]): string {
  return HEADER + users.map(toRow).join("");
}

function toRow(user: TestUser): string {
  const { externalId, status = "active", balance = "150.00", method = "approved", previousInvoices = 1 } = user;
  const binanceEmail = method === null ? "" : (user.binanceEmail ?? `${externalId}@pay.example.com`);
  return `${externalId},${externalId}@example.com,User ${externalId},${status},${balance},${binanceEmail},${method ?? ""},${previousInvoices},2025-01-31\n`;
}

/** Imports a test network through the product's own import. */
export async function importNetwork(ctx: DataContext, users: readonly TestUser[]): Promise<void> {
  await importUsers(ctx, {
    source: Readable.from(toCsv(users)),
    skipBad: false,
    actor: "test",
    onProblem: ({ line, message }) => {
      throw new Error(`line ${line}: ${message}`);
    },
    onProgress: () => {},
  });
}
