import { adminRoles } from "@cpa-payouts/core";
import { sql } from "drizzle-orm";
import { type AnyPgColumn, bigint, boolean, check, index, integer, pgTable, text, unique } from "drizzle-orm/pg-core";
import { id, instant, isOneOf, reference } from "./columns.ts";

/** Who may sign in to the admin API. Administrators are disabled, never deleted, because the audit log refers to them. */
export const admins = pgTable(
  "admins",
  {
    id: id(),
    /** In lower case, so that one address cannot have two accounts. */
    email: text().notNull().unique("admins_email"),
    role: text({ enum: adminRoles }).notNull(),
    /** A slow, salted hash, preceded by its parameters (`packages/access/src/passwords.ts`). */
    passwordHash: text().notNull(),
    /** Base32; null without a second factor. */
    totpSecret: text(),
    /** The time step of the last accepted code. Codes of that step or an earlier one are refused, so a code works once. */
    totpLastStep: bigint({ mode: "number" }).notNull().default(0),
    /** Hashes of the unused recovery codes. */
    recoveryHashes: text().array().notNull().default(sql`'{}'`),
    /** Whether another person issued the password: until it is changed, sessions may do nothing else. */
    mustChangePassword: boolean().notNull().default(false),
    /**
     * When another person last gave the account something: its creation, a password, a higher role, or that it was enabled or
     * lost its second factor. For a while such an account is no second person: it neither confirms, nor is its request confirmed,
     * nor does it approve invoices. Null for the first account and for accounts of older versions.
     */
    empoweredAt: instant(),
    /**
     * How often the password or the second factor was changed, or the account disabled. Only sessions of the present version are
     * live, so no sign-in that was being checked meanwhile gets round the change.
     */
    credentialsVersion: integer().notNull().default(0),
    /** How often the account lost the rights of the role `admin`, by another role or by being disabled: earlier requests are void. */
    rightsVersion: integer().notNull().default(0),
    disabledAt: instant(),
    createdAt: instant().notNull(),
    createdBy: text().notNull(),
  },
  (t) => [
    // The audit log names programs `token:NAME`. A name that older versions accepted is kept, but it cannot be enabled.
    check("admins_email_no_colon", sql`position(':' in ${t.email}) = 0 or ${t.disabledAt} is not null`),
    check("admins_email_lower_case", sql`${t.email} = lower(${t.email}) and ${t.email} <> ''`),
    check("admins_role_known", isOneOf(t.role, adminRoles)),
  ],
);

/** Browser sessions. Only a hash of the cookie's token is stored, so a copy of the table cannot be used to sign in. */
export const adminSessions = pgTable(
  "admin_sessions",
  {
    id: id(),
    adminId: reference()
      .notNull()
      .references(() => admins.id, { onDelete: "restrict" }),
    tokenHash: text().notNull().unique("admin_sessions_token"),
    createdAt: instant().notNull(),
    /** Updated at most once a minute. */
    lastSeenAt: instant().notNull(),
    /** The administrator's, when the credentials were checked by which the session was opened. */
    credentialsVersion: integer().notNull().default(0),
    /** When password (and code) were last entered; operations that need a recent confirmation check it. */
    confirmedAt: instant().notNull(),
    expiresAt: instant().notNull(),
    /** Set by a sign-out, by an administrator, or by a change of password or second factor. */
    endedAt: instant(),
    clientAddress: text().notNull(),
    /** The client address, or its /64 network for IPv6; null for sessions of older versions. */
    clientNetwork: text(),
    /** Whether the administrator had no earlier session from this network, and an alert is to say so (`new-addresses.ts`). */
    isNewAddress: boolean().notNull().default(false),
    userAgent: text().notNull(),
    /** The TOTP secret that the server has proposed to this session, until it is switched on or expires. */
    proposedSecret: text(),
    proposedAt: instant(),
  },
  (t) => [
    index("admin_sessions_admin_idx").on(t.adminId, t.id),
    index("admin_sessions_new_address_idx").on(t.createdAt).where(sql`${t.isNewAddress}`),
    check("admin_sessions_proposal", sql`(${t.proposedSecret} is null) = (${t.proposedAt} is null)`),
  ],
);

/**
 * Browsers in which an administrator has signed in. Wrong passwords from elsewhere do not keep an administrator out of
 * them. Only a hash of the cookie's token is stored; a browser that several administrators use has a row for each.
 */
export const adminDevices = pgTable(
  "admin_devices",
  {
    id: id(),
    adminId: reference()
      .notNull()
      .references(() => admins.id, { onDelete: "restrict" }),
    tokenHash: text().notNull(),
    /** The last session that was opened from the browser. */
    sessionId: reference()
      .notNull()
      .references(() => adminSessions.id, { onDelete: "restrict" }),
    expiresAt: instant().notNull(),
  },
  (t) => [
    unique("admin_devices_token").on(t.tokenHash, t.adminId),
    index("admin_devices_admin_idx").on(t.adminId, t.id),
    index("admin_devices_expiry_idx").on(t.expiresAt),
  ],
);

/** Access tokens of programs, such as the network's own back end. */
export const apiTokens = pgTable(
  "api_tokens",
  {
    id: id(),
    name: text().notNull().unique("api_tokens_name"),
    tokenHash: text().notNull().unique("api_tokens_token"),
    scopes: text().array().notNull(),
    createdAt: instant().notNull(),
    createdBy: text().notNull(),
    /** The administrator who created the token, whose present rights bound the token's; null when no administrator did. */
    creatorId: reference().references(() => admins.id, { onDelete: "restrict" }),
    expiresAt: instant().notNull(),
    /** Updated at most once a minute. */
    lastUsedAt: instant(),
    revokedAt: instant(),
    /** The token that this one replaces, whose idempotency keys it shares; null when it replaces none. */
    replacesId: reference().references((): AnyPgColumn => apiTokens.id, { onDelete: "restrict" }),
    /** The first of the tokens that replaced each other, which owns the keys of all; null in that one itself. */
    keyOwnerId: reference().references((): AnyPgColumn => apiTokens.id, { onDelete: "restrict" }),
  },
  (t) => [
    check("api_tokens_name_given", sql`${t.name} <> ''`),
    check("api_tokens_key_owner", sql`(${t.replacesId} is null) = (${t.keyOwnerId} is null)`),
    check("api_tokens_scopes_given", sql`cardinality(${t.scopes}) > 0`),
  ],
);
