import { type Operation, type OperationName, operationGroups, PROBLEM_TYPE, problem } from "@cpa-payouts/contract";
import { defined } from "@cpa-payouts/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { auditContextOf } from "./access/callers.ts";
import type { Api } from "./api.ts";
import type { Call, HandlersOf, Streamed } from "./calls.ts";
import { adminHandlers } from "./operations/admins.ts";
import { changeHandlers } from "./operations/changes.ts";
import { healthHandlers } from "./operations/health.ts";
import { invoiceHandlers } from "./operations/invoices.ts";
import { ledgerHandlers } from "./operations/ledger.ts";
import { methodHandlers } from "./operations/methods.ts";
import { overviewHandlers } from "./operations/overview.ts";
import { runHandlers } from "./operations/runs.ts";
import { sessionHandlers } from "./operations/sessions.ts";
import { settingsHandlers } from "./operations/settings.ts";
import { tokenHandlers } from "./operations/tokens.ts";
import { userHandlers } from "./operations/users.ts";

/** The handler of every operation; if the contract has an operation that is missing here, this does not compile. */
const handlers: HandlersOf<OperationName> = {
  ...sessionHandlers,
  ...invoiceHandlers,
  ...runHandlers,
  ...userHandlers,
  ...methodHandlers,
  ...ledgerHandlers,
  ...overviewHandlers,
  ...adminHandlers,
  ...changeHandlers,
  ...tokenHandlers,
  ...settingsHandlers,
  ...healthHandlers,
};

/** Registers one route per operation of the contract. */
export async function registerOperations(server: FastifyInstance, api: Api): Promise<void> {
  for (const [group, operations] of Object.entries(operationGroups))
    for (const [name, operation] of Object.entries(operations))
      registerOperation(server, api, { group, name: name as OperationName, operation });
}

function registerOperation(
  server: FastifyInstance,
  api: Api,
  { group, name, operation }: { group: string; name: OperationName; operation: Operation },
): void {
  const handle = handlers[name] as (api: Api, call: Call<OperationName>) => Promise<unknown>;
  server.route({
    method: operation.method,
    url: operation.path,
    config: { access: operation.access, isForMonitors: operation.isForMonitors ?? false },
    schema: schemaOf(group, name, operation),
    handler: async (request, reply) => {
      const response = await handle(api, toCall(request, reply));
      if (typeof operation.response === "string") return sendStream(reply, operation.response, response as Streamed);
      return response === undefined ? reply.code(204).send() : response;
    },
  });
}

function toCall(request: FastifyRequest, reply: FastifyReply): Call<OperationName> {
  const { caller, params, query, headers, body } = request;
  return {
    params,
    query,
    headers,
    body,
    caller,
    audit: auditContextOf(caller, request),
    request,
    reply,
  } as Call<OperationName>;
}

function sendStream(reply: FastifyReply, type: string, { stream, fileName }: Streamed): FastifyReply {
  if (fileName) void reply.header("content-disposition", `attachment; filename="${fileName}"`);
  return reply.type(`${type}; charset=utf-8`).send(stream);
}

const problemResponse = { description: "A problem", content: { [PROBLEM_TYPE]: { schema: problem } } };

function schemaOf(group: string, name: OperationName, operation: Operation) {
  const { params, query, headers, body, access, response, held, unavailable, summary } = operation;
  return {
    operationId: name,
    summary,
    tags: [group],
    description: describeAccess(operation),
    security: access.role === "public" ? [] : [{ session: [] }, ...(access.scope ? [{ token: [] }] : [])],
    ...defined({ params, querystring: query, headers: headers?.loose(), body }),
    response: {
      ...(response === null
        ? { 204: z.null().meta({ description: "Done" }) }
        : typeof response === "string"
          ? { 200: { description: "A stream", content: { [response]: { schema: z.string() } } } }
          : { 200: response }),
      ...(held
        ? { 202: { description: "It waits for a second person", content: { "application/json": { schema: held } } } }
        : {}),
      // Bad input, not signed in, not allowed, not found, conflict, rate limit; and errors of the server.
      "4xx": problemResponse,
      "5xx": problemResponse,
      ...(unavailable ? { 503: unavailable } : {}),
    },
  };
}

function describeAccess({ access: { role, scope, isSensitive } }: Operation): string {
  if (role === "public") return "Public; no sign-in needed.";
  const fresh = isSensitive ? ", who gave their password within the last 15 minutes" : "";
  const token = scope ? `, or a token with the scope \`${scope}\`` : "; not for tokens";
  return `For a signed-in ${role} or above${fresh}${token}.`;
}
