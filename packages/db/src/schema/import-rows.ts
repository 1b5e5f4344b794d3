import { userStatuses } from "@cpa-payouts/core";
import { bigint, integer, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { cents, instant } from "./columns.ts";

/**
 * Holds the valid rows of an import file until all of it has been read; one statement then adds and updates the users.
 * The rows are removed when the import ends. Those of a killed import are removed by a later one.
 */
export const importRows = pgTable(
  "import_rows",
  {
    importId: uuid().notNull(),
    line: integer().notNull(),
    externalId: text().notNull(),
    email: text().notNull(),
    name: text(),
    status: text({ enum: userStatuses }).notNull(),
    balanceCents: cents().notNull(),
    binanceEmail: text(),
    paymentMethodStatus: text(),
    previousInvoices: bigint({ mode: "number" }),
    joinedAt: instant(),
    stagedAt: instant().notNull(),
  },
  (t) => [primaryKey({ name: "import_rows_pkey", columns: [t.importId, t.line] })],
);
