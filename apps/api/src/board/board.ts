import type { AppControllerRoute, BullBoardRequest, ControllerHandlerReturnType } from "@bull-board/api/typings/app";
import { PROBLEM_TYPE } from "@cpa-payouts/contract";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isAtLeast } from "../access/rules.ts";
import { setRule } from "../access/scope-rules.ts";
import type { Api } from "../api.ts";
import { ApiProblem, bodyOf, problemSender } from "../problems.ts";
import { act, actions, refusal } from "./actions.ts";
import { type BullBoard, openBullBoard } from "./bull-board.ts";
import { renderPage } from "./page.ts";

const PREFIX = "/queues";

/** The routes that every signed-in administrator may read. A route that is neither here nor in {@link actions} is refused. */
const reads = new Set([
  "GET /api/redis/stats",
  "GET /api/queues",
  "GET /api/job-schedulers",
  "GET /api/queues/:queueName/metrics",
  "GET /api/queues/:queueName/default-job-options",
  "GET /api/queues/:queueName/workers",
  "GET /api/queues/:queueName/rate-limit",
  "GET /api/queues/:queueName/job-data-schema",
  "GET /api/queues/:queueName/:jobId/logs",
  "GET /api/queues/:queueName/:jobId/flow",
  "GET /api/queues/:queueName/:jobId",
]);

/** Administrators only: programs get the same information from the operations of the API. */
const viewers = { role: "viewer", scope: null } as const;
const operators = { role: "operator", scope: null } as const;

/** Serves Bull Board to signed-in administrators, with the sessions and the access rules of the API. */
export async function registerBoard(server: FastifyInstance, api: Api): Promise<void> {
  const { bullmq } = api.ctx.queues;
  const uiFolder = api.assets.board;
  const boards = {
    viewer: openBullBoard(bullmq, { uiFolder, isReadOnly: true }),
    operator: openBullBoard(bullmq, { uiFolder, isReadOnly: false }),
  };
  await server.register(
    async (scope) => {
      // Bull Board's page reports an error only if the response has the field `error`.
      scope.setErrorHandler(problemSender(api, (problem) => ({ ...problem, error: problem.code })));
      await registerFiles(scope, boards.viewer);
      registerPages(scope, boards.viewer);
      for (const route of boards.operator.apiRoutes) registerApiRoutes(scope, api, boards, route);
    },
    { prefix: PREFIX },
  );
}

async function registerFiles(scope: FastifyInstance, { staticFolder }: BullBoard): Promise<void> {
  await scope.register(async (files) => {
    setRule(files, viewers);
    await files.register(fastifyStatic, { root: staticFolder, prefix: "/static", decorateReply: false });
  });
}

/** One page under several URLs. It is the same for every role: its buttons depend on the responses of the API routes. */
function registerPages(scope: FastifyInstance, board: BullBoard): void {
  const page = renderPage(board, PREFIX);
  for (const url of [board.entry.route].flat())
    scope.get(url, { config: { access: viewers }, schema: { hide: true } }, async (_request, reply) =>
      reply.type("text/html; charset=utf-8").send(page),
    );
}

type Boards = Readonly<Record<"viewer" | "operator", BullBoard>>;

function registerApiRoutes(scope: FastifyInstance, api: Api, boards: Boards, route: AppControllerRoute): void {
  for (const verb of [route.method].flat())
    for (const url of [route.route].flat()) {
      const method = verb.toUpperCase() as "GET";
      scope.route({
        method,
        url,
        schema: { hide: true },
        ...routeOptionsOf(`${method} ${url}`, api, boards, route.handler),
      });
    }
}

function routeOptionsOf(key: string, api: Api, boards: Boards, handle: AppControllerRoute["handler"]) {
  const action = actions[key];
  if (action) {
    const respond = (from: FastifyRequest) =>
      act(api, action, handle, { from, request: toRequest(boards.operator, from) });
    return { config: { access: operators }, handler: sending(respond) };
  }
  if (reads.has(key)) {
    const respond = async (from: FastifyRequest) => handle(toRequest(boardOf(boards, from), from));
    return { config: { access: viewers }, handler: sending(respond) };
  }
  // Refused in `onRequest`, before the body is read.
  return { config: { access: viewers }, onRequest: refuse, handler: refuse };
}

async function refuse(): Promise<never> {
  throw refusal();
}

/** The board that the caller sees: with the buttons of an operator, or without buttons. */
function boardOf({ viewer, operator }: Boards, { caller }: FastifyRequest): BullBoard {
  return caller?.kind === "admin" && isAtLeast(caller.role, operators.role) ? operator : viewer;
}

function toRequest(
  { queues, uiConfig }: BullBoard,
  { params, query, body, headers }: FastifyRequest,
): BullBoardRequest {
  return { queues, uiConfig, params, query, body, headers } as BullBoardRequest;
}

/**
 * A Problem for an error of Bull Board, such as `{ error: { key: "ERRORS.QUEUE_NOT_FOUND" } }`. The board's page translates the
 * key, so the fields stay.
 */
function problemOfBoard(status: number, body: object, requestId: string): object {
  const { error } = body as { error?: { key?: string } };
  const [, words = "THE_BOARD_CANNOT_DO_THIS"] = /^ERRORS\.(\w+)$/.exec(error?.key ?? "") ?? [];
  const message = words.toLowerCase().replaceAll("_", " ");
  const problem = new ApiProblem(status, status === 404 ? "not-found" : "bad-request", message);
  return { ...body, ...bodyOf(problem, requestId) };
}

function sending(respond: (request: FastifyRequest) => Promise<ControllerHandlerReturnType>) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { status = 200, body } = await respond(request);
    if (status >= 400)
      return reply
        .code(status)
        .type(PROBLEM_TYPE)
        .send(JSON.stringify(problemOfBoard(status, Object(body), request.id)));
    return status === 204 ? reply.code(204).send() : reply.code(status).send(body);
  };
}
