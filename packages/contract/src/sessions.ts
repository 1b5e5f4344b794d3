import { ADMIN_EMAIL_ADVICE, adminEmail, adminRoles } from "@cpa-payouts/core";
import { z } from "zod";
import { guardedChange } from "./changes.ts";
import { idInPath, instant } from "./fields.ts";
import { operation } from "./operation.ts";

const address = z.string().trim().toLowerCase().max(254);

/** The e-mail of an administrator who exists, whatever earlier versions have accepted. */
const email = address
  .regex(/^[^\s@]+@[^\s@]+$/, "write an e-mail address")
  // PostgreSQL stores neither control characters such as NUL nor half of a surrogate pair in JSON.
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, "write an e-mail address without control characters");

const newEmail = address.regex(adminEmail, ADMIN_EMAIL_ADVICE);

export const MIN_PASSWORD_LENGTH = 12;

/**
 * A minimum length instead of rules about characters; `packages/access` refuses what is easy to guess. The upper limit bounds
 * the cost of hashing.
 */
const newPassword = z.string().min(MIN_PASSWORD_LENGTH, `write at least ${MIN_PASSWORD_LENGTH} characters`).max(200);
const password = z.string().min(1).max(200);
const code = z
  .string()
  .trim()
  .min(6)
  .max(30)
  .optional()
  .meta({ description: "a code of the second factor, or a recovery code" });

const signedIn = { role: "viewer", scope: null } as const;
const signedInAfresh = { ...signedIn, isSensitive: true } as const;
/** What an issued password permits: to take note of it, to change it and to sign out. */
const withAnyPassword = { ...signedIn, isBeforeNewPassword: true } as const;
const adminOnly = { role: "admin", scope: null } as const;
const adminAfresh = { ...adminOnly, isSensitive: true } as const;

const session = z
  .object({
    email: z.string(),
    role: z.enum(adminRoles),
    hasSecondFactor: z.boolean(),
    /** Whether another person issued the password. Until it is changed, no other operation is possible. */
    mustChangePassword: z.boolean(),
    /** Until then sensitive operations do not ask for the password again. */
    confirmedUntil: instant,
    expiresAt: instant,
  })
  .meta({ id: "Session" });

const admin = z
  .object({
    email: z.string(),
    role: z.enum(adminRoles),
    isDisabled: z.boolean(),
    hasSecondFactor: z.boolean(),
    /** Whether another person issued the password and it has not been changed since. */
    mustChangePassword: z.boolean(),
    createdAt: instant,
    createdBy: z.string(),
  })
  .meta({ id: "Admin" });

/** Shown once; only its hash is stored. */
const generatedPassword = z.object({ email: z.string(), password: z.string() });

const adminParams = z.object({ email: z.string().max(254).toLowerCase() });

/** Signing in, and the caller's own account. */
export const sessionOperations = {
  signIn: operation({
    method: "POST",
    path: "/api/v1/session",
    summary: "Sign in; the response sets the session cookie",
    access: { role: "public", scope: null },
    body: z.object({ email, password, code }),
    response: session,
  }),
  readSession: operation({
    method: "GET",
    path: "/api/v1/session",
    summary: "Who is signed in",
    access: withAnyPassword,
    response: session,
  }),
  confirmSession: operation({
    method: "POST",
    path: "/api/v1/session/confirmation",
    summary: "Enter the password (and code) again, as sensitive operations require after 15 minutes",
    access: withAnyPassword,
    body: z.object({ password, code }),
    response: session,
  }),
  signOut: operation({
    method: "DELETE",
    path: "/api/v1/session",
    summary: "Sign out",
    access: withAnyPassword,
    response: null,
  }),
  changePassword: operation({
    method: "PUT",
    path: "/api/v1/session/password",
    summary: "Change the password; all other sessions end",
    access: { ...withAnyPassword, isSensitive: true },
    body: z.object({ password: newPassword }),
    response: null,
  }),
  proposeSecondFactor: operation({
    method: "POST",
    path: "/api/v1/session/second-factor",
    summary: "Generate a secret for an authenticator app, which this session can switch on within 15 minutes",
    access: signedInAfresh,
    response: z.object({ secret: z.string(), uri: z.string() }),
  }),
  setSecondFactor: operation({
    method: "PUT",
    path: "/api/v1/session/second-factor",
    summary: "Switch on the second factor with the generated secret, confirmed by a code; all other sessions end",
    access: signedInAfresh,
    body: z.object({ code: z.string().trim().min(6).max(6) }),
    response: z.object({ recoveryCodes: z.array(z.string()) }),
  }),
  removeSecondFactor: operation({
    method: "DELETE",
    path: "/api/v1/session/second-factor",
    summary: "Switch off the second factor; all other sessions end",
    access: signedInAfresh,
    response: null,
  }),
  listSessions: operation({
    method: "GET",
    path: "/api/v1/sessions",
    summary: "Live sessions: the caller's own; for an admin, those of all administrators",
    access: signedIn,
    response: z.object({
      items: z.array(
        z.object({
          id: z.int(),
          email: z.string(),
          isThisOne: z.boolean(),
          createdAt: instant,
          lastSeenAt: instant,
          expiresAt: instant,
          clientAddress: z.string(),
          userAgent: z.string(),
        }),
      ),
    }),
  }),
  endSession: operation({
    method: "DELETE",
    path: "/api/v1/sessions/:id",
    summary: "End a session: one of the caller's own; for an admin, any session",
    access: signedIn,
    params: z.object({ id: idInPath }),
    response: null,
  }),
};

/** The administrators. */
export const adminOperations = {
  listAdmins: operation({
    method: "GET",
    path: "/api/v1/admins",
    summary: "All administrators",
    access: adminOnly,
    response: z.object({ items: z.array(admin) }),
  }),
  createAdmin: operation({
    method: "POST",
    path: "/api/v1/admins",
    summary:
      "Add an administrator; the response shows the generated password once. With the two-person rule on, one with more than a viewer's rights waits for a second person",
    access: adminAfresh,
    body: z.object({ email: newEmail, role: z.enum(adminRoles) }),
    response: generatedPassword,
    held: guardedChange,
  }),
  changeAdmin: operation({
    method: "PATCH",
    path: "/api/v1/admins/:email",
    summary:
      "Change an administrator's role, disable them (which ends their sessions) or enable them; with the two-person rule on, more rights wait for a second person",
    access: adminAfresh,
    params: adminParams,
    body: z
      .object({ role: z.enum(adminRoles).optional(), isDisabled: z.boolean().optional() })
      .refine((change) => Object.keys(change).length > 0, "say what to change: role or isDisabled"),
    response: admin,
    held: guardedChange,
  }),
  resetAdminPassword: operation({
    method: "POST",
    path: "/api/v1/admins/:email/password",
    summary:
      "Generate another password, shown once; all sessions of that administrator end. With the two-person rule on, this waits for a second person",
    access: adminAfresh,
    params: adminParams,
    response: generatedPassword,
    held: guardedChange,
  }),
  removeAdminSecondFactor: operation({
    method: "DELETE",
    path: "/api/v1/admins/:email/second-factor",
    summary:
      "Switch off the second factor of an administrator who has lost it; with the two-person rule on, this waits for a second person",
    access: adminAfresh,
    params: adminParams,
    response: null,
    held: guardedChange,
  }),
};
