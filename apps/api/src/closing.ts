import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";

/**
 * Gives the server a signal `closing`, which aborts when it begins to close; event streams end then. Once no request is in
 * progress, all connections are closed. Node would wait a minute for a connection over which no request has come yet, and
 * browsers open such connections in advance.
 */
export function closeWithoutDelay(server: FastifyInstance): void {
  const closing = new AbortController();
  const inProgress = new Set<ServerResponse>();
  const closeConnections = () => {
    if (closing.signal.aborted && inProgress.size === 0) server.server.closeAllConnections();
  };
  server.server.on("request", (_request: unknown, response: ServerResponse) => {
    inProgress.add(response);
    response.once("close", () => {
      inProgress.delete(response);
      closeConnections();
    });
  });
  // The server still listens for a moment after the signal.
  server.server.on("connection", (socket) => {
    if (closing.signal.aborted) socket.destroy();
  });
  server.decorate("closing", closing.signal);
  server.addHook("preClose", async () => {
    closing.abort();
    closeConnections();
  });
}
