import { integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { instant } from "./columns.ts";

/** Counts of refused credentials, a row per administrator and hour, until the audit log and the alerts have them. */
export const signInFailures = pgTable(
  "sign_in_failures",
  {
    /** The administrator's e-mail; `unknown` for all e-mails without an account together, which bounds the rows. */
    email: text().notNull(),
    /** When the hour begins, in UTC. */
    hour: instant().notNull(),
    failures: integer().notNull(),
    /** The failures that the audit log has already. */
    audited: integer().notNull().default(0),
    /** The client address of the last failure. */
    clientAddress: text().notNull(),
  },
  (t) => [primaryKey({ name: "sign_in_failures_pkey", columns: [t.hour, t.email] })],
);
