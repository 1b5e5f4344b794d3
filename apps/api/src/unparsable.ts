import { randomUUID } from "node:crypto";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { PROBLEM_TYPE } from "@cpa-payouts/contract";
import type { FastifyInstance } from "fastify";
import { ApiProblem, bodyOf } from "./problems.ts";

/** Those of every response that mean something for one that is no page. */
const HEADERS = {
  "content-type": `${PROBLEM_TYPE}; charset=utf-8`,
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none';frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  connection: "close",
};

/** Answers what Node cannot read as a request, so that no router sees it, and closes the connection. */
export function answerUnparsable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(error.code);
  const requestId = randomUUID();
  const body = JSON.stringify(bodyOf(problem, requestId));
  const headers = { ...HEADERS, "x-request-id": requestId, "content-length": Buffer.byteLength(body) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const first = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`;
  socket.end(`${[first, ...lines].join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

function problemOf(code: string | undefined): ApiProblem {
  if (code === "HPE_HEADER_OVERFLOW")
    return new ApiProblem(431, "headers-too-long", "the address and the headers together have more than 16 KiB");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return new ApiProblem(408, "bad-request", "the request did not arrive in time");
  return new ApiProblem(400, "bad-request", "this is not a request of HTTP/1.1");
}

/** Takes requests with an expectation that is not known, which Node refuses with an empty body. RFC 9110 permits to ignore it. */
export function ignoreExpectations({ server }: FastifyInstance): void {
  server.on("checkExpectation", (request, response) => server.emit("request", request, response));
}

/** Refuses what HTTP/1.1 does not permit, and Node would refuse with an empty body. @throws ApiProblem 400 */
export function refuseWithoutHost({ httpVersion, headers }: IncomingMessage): void {
  if (httpVersion === "1.1" && headers.host === undefined)
    throw new ApiProblem(400, "bad-request", "the request has no header Host");
}
