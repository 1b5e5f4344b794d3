import type { AdminRole } from "@cpa-payouts/core";
import type { z } from "zod";

/** The scopes that a token may have; each permits a group of operations. */
export const scopes = [
  "invoices:read",
  "invoices:review",
  "runs:read",
  "runs:write",
  "users:read",
  "users:write",
  "methods:read",
  "methods:review",
  "credits:write",
  "adjustments:write",
  "audit:read",
  "metrics:read",
] as const;
export type Scope = (typeof scopes)[number];

/** Who may call an operation. */
export interface AccessRule {
  /** The lowest role that may call it; `public` includes callers who are not signed in. */
  readonly role: AdminRole | "public";
  /** The scope that a token needs; null when tokens are refused. Ignored when the role is `public`. */
  readonly scope: Scope | null;
  /** Whether the person must have entered their password (and code) within the last 15 minutes. */
  readonly isSensitive?: boolean;
  /** Whether a person who must change their password first may call it. */
  readonly isBeforeNewPassword?: boolean;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One operation of the API: its address, access rule, input and response. */
export interface Operation {
  readonly method: Method;
  /** With parameters as in `/api/v1/users/:externalId`. */
  readonly path: string;
  readonly summary: string;
  readonly access: AccessRule;
  /**
   * For probes and scrapers. The host check is skipped, because monitors know a server by its address. When the operation
   * is also public, the caller is not looked up first, because the database may hang.
   */
  readonly isForMonitors?: boolean;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** The schema of the response 200; null for 204 without a body; a media type for a streamed response. */
  readonly response: z.ZodType | null | "text/csv" | "text/event-stream" | "text/calendar" | "text/plain";
  /** The schema of the response 202: the change was not made, but waits for a second person. */
  readonly held?: z.ZodType;
  /** The schema of the response 503, where that is a regular response and not a `Problem`. */
  readonly unavailable?: z.ZodType;
}

/** Returns its argument, with the literal types kept by inference. */
export function operation<const O extends Operation>(definition: O): O {
  return definition;
}
