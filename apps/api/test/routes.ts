import diagnostics from "node:diagnostics_channel";
import type { FastifyInstance, RouteOptions } from "fastify";

export interface Route {
  readonly method: string;
  /** As a pattern, such as `/queues/queue/:queueName`. */
  readonly url: string;
}

/** Every route of the servers that `open` makes, as they register them: a new one is among them by itself. */
export async function recordRoutes<T>(open: () => Promise<T>): Promise<{ opened: T; routes: readonly Route[] }> {
  const routes: Route[] = [];
  const onRoute = ({ method, url }: RouteOptions) => {
    for (const one of [method].flat()) routes.push({ method: one, url });
  };
  const onServer = (message: unknown) => {
    (message as { fastify: FastifyInstance }).fastify.addHook("onRoute", onRoute);
  };
  diagnostics.subscribe("fastify.initialization", onServer);
  try {
    return { opened: await open(), routes };
  } finally {
    diagnostics.unsubscribe("fastify.initialization", onServer);
  }
}
