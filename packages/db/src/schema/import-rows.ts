import { userStatuses } from "@cpa-payouts/core";
import { bigint, integer, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { cents, instant } from "./columns.ts";

/**
 * Where the good rows of a file wait until all of it is read, so that one statement can then add and update the users.
 * A row lives for the length of an import; what a killed import leaves behind is removed by a later one.
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
