import { BusyError } from "@cpa-payouts/access";
import {
  PROBLEM_TYPE,
  type Problem,
  type ProblemCode,
  type ProblemDetails,
  problemTitles,
  problemTypeOf,
} from "@cpa-payouts/contract";
import { InputError } from "@cpa-payouts/core";
import { describeError, isConnectionError } from "@cpa-payouts/db";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { Api } from "./api.ts";

/** An error response: an HTTP status, a code for programs and a message for people. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(status: number, code: ProblemCode, message: string, details: ProblemDetails = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** A 404. `what` names the missing thing without an article, such as `user 17`. */
export function notFound(what: string): ApiProblem {
  return new ApiProblem(404, "not-found", `there is no ${what}`);
}

/** A 409: the present state does not allow the request, often because another caller was first. `current` is that state. */
export function conflict(message: string, current: Record<string, unknown>): ApiProblem {
  return new ApiProblem(409, "conflict", message, { current });
}

/** Maps every error to a response. The response to an unexpected error contains no details. */
function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof InputError)
    return new ApiProblem(400, "bad-input", error.message, { problems: [...error.problems] });
  if (isValidationError(error)) return validationProblem(error);
  if (error instanceof BusyError) return new ApiProblem(503, "busy", error.message);
  if (isConnectionError(error))
    return new ApiProblem(503, "unavailable", "the database or the queue is unavailable; try again in a moment");
  const { statusCode = 500, message = "" } = error as Partial<FastifyError>;
  if (statusCode < 500) return new ApiProblem(statusCode, codes[statusCode] ?? "bad-request", message);
  return new ApiProblem(500, "unexpected", "unexpected error; the server's log has it under the request's id");
}

/** The body of an error response. */
export function bodyOf({ status, code, message, details }: ApiProblem, requestId: string): Problem {
  return {
    type: problemTypeOf(code),
    title: problemTitles[code],
    status,
    detail: message,
    instance: requestId,
    code,
    ...details,
  };
}

/**
 * Creates an error handler that answers with a Problem and logs errors with a status of 500 or above.
 *
 * @param present makes the body from the Problem; by default the body is the Problem
 */
export function problemSender({ ctx }: Api, present: (problem: Problem) => object = (problem) => problem) {
  return async (error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const problem = problemOf(error);
    // Not logged: a flood of guesses must not fill the log.
    if (error instanceof BusyError) void reply.header("retry-after", error.waitSeconds);
    else if (problem.status >= 500) ctx.log.error({ requestId: request.id, error: describe(error) }, "request.failed");
    return reply
      .code(problem.status)
      .type(PROBLEM_TYPE)
      .send(JSON.stringify(present(bodyOf(problem, request.id))));
  };
}

/**
 * The message, with its SQLSTATE if it comes from the database, and the first line of the stack, to find the cause of an
 * unexpected error from one line of the log.
 */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return describeError(error);
  const [, where = ""] = (error.stack ?? "").split("\n    at ");
  return `${describeError(error)} (${where})`;
}

const codes: Readonly<Record<number, ProblemCode>> = {
  404: "not-found",
  405: "method-not-allowed",
  413: "too-large",
  414: "too-long",
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
