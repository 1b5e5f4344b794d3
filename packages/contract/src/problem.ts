import { z } from "zod";

/** The codes of all errors, each with the title that is the same at every occurrence. */
export const problemTitles = {
  "above-limit": "The amount is above a limit",
  "bad-input": "The input is not valid",
  "bad-request": "The request is not valid",
  busy: "The server has too much to do",
  conflict: "The state does not allow the change",
  "confirmation-required": "The password must be given again",
  "cross-site": "The change was requested by another site",
  forbidden: "The caller may not do this",
  "headers-too-long": "The address and the headers are too long",
  "method-not-allowed": "The method is not allowed here",
  "not-found": "There is no such object",
  "password-must-be-changed": "The password was issued by another person and must be changed",
  "preview-differs": "The review is not the one previewed",
  "preview-expired": "The preview is too old",
  "preview-of-another": "The preview is another person's",
  "preview-unknown": "There is no such preview",
  "preview-used": "The review of this preview was made",
  "second-factor-required": "The code of the second factor is missing",
  "second-person-required": "Another person must confirm the change",
  "signed-out": "The caller is not signed in",
  "token-creator-disabled": "The administrator who created the token is disabled",
  "too-large": "The body is too large",
  "too-long": "The address is too long",
  "too-many-requests": "There were too many requests",
  unavailable: "The database or the queue is unavailable",
  unexpected: "The server failed",
  "unsupported-media-type": "The body has another type than JSON",
  "wrong-credentials": "The credentials are wrong",
  "wrong-host": "The host name is not the server's",
} as const;
export type ProblemCode = keyof typeof problemTitles;

export const problemCodes = Object.keys(problemTitles) as readonly ProblemCode[];

/** The media type of every response with a status of 400 or more, unless an operation has a response of its own for it. */
export const PROBLEM_TYPE = "application/problem+json";

/** The body of an error as RFC 9457 defines it; `code`, `problems` and `current` are extensions. */
export const problem = z
  .object({
    /** A URI that stands for the code. It identifies the kind of error and is not an address to open. */
    type: z.string().meta({ example: "urn:cpa-payouts:problem:not-found" }),
    /** The code in words, the same at every occurrence. */
    title: z.string(),
    /** The status of the response. */
    status: z.int(),
    /** A sentence for people about this occurrence. */
    detail: z.string(),
    /** The id of the request, under which the server's log has it; also in the header `x-request-id`. */
    instance: z.string(),
    /** For programs. Later versions may add codes. */
    code: z.string().meta({ examples: [...problemCodes] }),
    /** Every problem of the input. */
    problems: z.array(z.string()).optional(),
    /** In a conflict (409): the present state of the object, which another caller changed first. */
    current: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: "Problem" });
export type Problem = z.output<typeof problem>;

/** What is known of an error besides its code, status and detail. */
export type ProblemDetails = Pick<Problem, "problems" | "current">;

/** The URI of a code, which never changes. */
export function problemTypeOf(code: ProblemCode): string {
  return `urn:cpa-payouts:problem:${code}`;
}
