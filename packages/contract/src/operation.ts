import type { AdminRole } from "@cpa-payouts/core";
import { z } from "zod";

/** What a token may be allowed to do; each is a group of operations. */
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

/** Who may call something. */
export interface AccessRule {
  /** The least of the roles that may; `public` for whoever is not signed in, too. */
  readonly role: AdminRole | "public";
  /** What a token needs; null where only people may. */
  readonly scope: Scope | null;
  /** Whether the person must have given their password (and code) within the last quarter of an hour. */
  readonly isSensitive?: boolean;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One operation of the API: where it is, who may call it, what goes in and what comes out. */
export interface Operation {
  readonly method: Method;
  /** With parameters as in `/api/v1/users/:externalId`. */
  readonly path: string;
  readonly summary: string;
  readonly access: AccessRule;
  /**
   * Asked by probes and scrapers, which know a server by its address: any host name will do. Where it is public, too, nobody
   * asks who calls before it answers, since the database may hang.
   */
  readonly isForMonitors?: boolean;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: z.ZodType;
  /** What it answers with 200; null for 204 without a body; a media type for what is streamed. */
  readonly answer: z.ZodType | null | "text/csv" | "text/event-stream" | "text/calendar" | "text/plain";
  /** What it answers with 503, where that is an answer and no problem. */
  readonly unavailable?: z.ZodType;
}

/** Keeps the precise types of an operation. */
export function operation<const O extends Operation>(definition: O): O {
  return definition;
}

/** Every answer with a status of 400 or more. */
export const problem = z
  .object({
    /** A word for programs, such as `not-found`. */
    code: z.string(),
    /** A sentence for people. */
    message: z.string(),
    /** Every single thing that is wrong with the input. */
    problems: z.array(z.string()).optional(),
    /** How the thing stands that somebody else changed first. */
    current: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: "Problem" });
export type Problem = z.output<typeof problem>;
