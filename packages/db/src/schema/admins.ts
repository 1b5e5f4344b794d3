import { adminRoles } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { bigint, check, index, pgTable, text } from "drizzle-orm/pg-core";
import { id, instant, oneOf, reference } from "./columns.ts";

/** Who may sign in to the admin API. An administrator is never deleted, since the audit log names them; they are disabled. */
export const admins = pgTable(
  "admins",
  {
    id: id(),
    /** In lower case, so that nobody has two accounts by spelling. */
    email: text().notNull().unique("admins_email"),
    role: text({ enum: adminRoles }).notNull(),
    /** Salted and slow, with its parameters in front (`apps/api/src/passwords.ts`). */
    passwordHash: text().notNull(),
    /** Base32; null without a second factor. */
    totpSecret: text(),
    /** The time step of the last code that was accepted: a code works once. */
    totpLastStep: bigint({ mode: "number" }).notNull().default(0),
    /** Hashes of the recovery codes that are left. */
    recoveryHashes: text().array().notNull().default(sql`'{}'`),
    disabledAt: instant(),
    createdAt: instant().notNull(),
    createdBy: text().notNull(),
  },
  (t) => [
    check("admins_email_lower_case", sql`${t.email} = lower(${t.email}) and ${t.email} <> ''`),
    check("admins_role_known", oneOf(t.role, adminRoles)),
  ],
);

/** Signed-in browsers. The cookie's token is kept as a hash, so that a copy of the table opens no door. */
export const adminSessions = pgTable(
  "admin_sessions",
  {
    id: id(),
    adminId: reference()
      .notNull()
      .references(() => admins.id, { onDelete: "restrict" }),
    tokenHash: text().notNull().unique("admin_sessions_token"),
    createdAt: instant().notNull(),
    /** Moved at most once a minute. */
    lastSeenAt: instant().notNull(),
    /** When password (and code) were last given; the operations that need it fresh look here. */
    confirmedAt: instant().notNull(),
    expiresAt: instant().notNull(),
    /** Set by signing out, by an administrator, by a new password. */
    endedAt: instant(),
    clientAddress: text().notNull(),
    userAgent: text().notNull(),
  },
  (t) => [index("admin_sessions_admin_idx").on(t.adminId, t.id)],
);

/** What programs (the network's own back end) sign in with. */
export const apiTokens = pgTable(
  "api_tokens",
  {
    id: id(),
    name: text().notNull().unique("api_tokens_name"),
    tokenHash: text().notNull().unique("api_tokens_token"),
    scopes: text().array().notNull(),
    createdAt: instant().notNull(),
    createdBy: text().notNull(),
    expiresAt: instant().notNull(),
    /** Moved at most once a minute. */
    lastUsedAt: instant(),
    revokedAt: instant(),
  },
  (t) => [
    check("api_tokens_name_given", sql`${t.name} <> ''`),
    check("api_tokens_scopes_given", sql`cardinality(${t.scopes}) > 0`),
  ],
);
