import type { Problem } from "@cpa-payouts/contract";
import { InputError } from "@cpa-payouts/core";
import { describeError, isConnectionError, isDataError } from "@cpa-payouts/db";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Api } from "./api.ts";

/** An answer that is not what was asked for: a status, a word for programs and a sentence for people. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, code: string, message: string, more: Pick<Problem, "problems" | "current"> = {}) {
    super(message);
    this.status = status;
    this.problem = { code, message, ...more };
  }
}

export function notFound(what: string): ApiProblem {
  return new ApiProblem(404, "not-found", `there is no ${what}`);
}

/** Somebody else was first; `current` says how it stands. */
export function conflict(message: string, current: Record<string, unknown>): ApiProblem {
  return new ApiProblem(409, "conflict", message, { current });
}

/** What to answer to an error, whatever it is; one that nobody expected tells nothing about itself. */
function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof InputError)
    return new ApiProblem(400, "bad-input", error.message, { problems: [...error.problems] });
  if (isValidationError(error)) return validationProblem(error);
  if (isConnectionError(error))
    return new ApiProblem(503, "unavailable", "the database or the queue is away; try again in a moment");
  // A value that PostgreSQL cannot hold, such as a text with a null byte.
  if (isDataError(error)) return new ApiProblem(400, "bad-input", describeError(error));
  const { statusCode = 500, message = "" } = error as Partial<FastifyError>;
  if (statusCode < 500) return new ApiProblem(statusCode, codes[statusCode] ?? "bad-request", message);
  return new ApiProblem(500, "unexpected", "something went wrong here; the log has it under the request's id");
}

/**
 * Answers errors with a Problem, and keeps the unexpected ones in the log.
 *
 * @param present what is answered for a Problem; itself, by default
 */
export function problemSender({ ctx }: Api, present: (problem: Problem) => object = (problem) => problem) {
  return async (error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { status, problem } = problemOf(error);
    if (status >= 500) ctx.log.error({ requestId: request.id, error: describe(error) }, "request.failed");
    return reply
      .code(status)
      .type("application/json")
      .send(JSON.stringify(present(problem)));
  };
}

/** One line, with where it happened: an unexpected error is for whoever mends it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [, where = ""] = (error.stack ?? "").split("\n    at ");
  return `${error.message} (${where})`;
}

const codes: Readonly<Record<number, string>> = {
  404: "not-found",
  405: "method-not-allowed",
  413: "too-large",
  415: "unsupported-media-type",
  429: "too-many-requests",
};

function isValidationError(error: unknown): error is FastifyError {
  return error instanceof Error && "validation" in error && Array.isArray(error.validation);
}

function validationProblem({ validation = [], validationContext = "body" }: FastifyError): ApiProblem {
  const problems = validation.map(({ instancePath, message }) => {
    const path = instancePath.slice(1).replaceAll("/", ".");
    return `${validationContext === "querystring" ? "query" : validationContext}${path && `.${path}`}: ${message ?? "not valid"}`;
  });
  return new ApiProblem(400, "bad-input", problems.join("; "), { problems });
}
