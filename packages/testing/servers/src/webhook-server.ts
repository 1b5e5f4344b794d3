import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface WebhookServer {
  /** Its path is a secret, like that of Slack's webhooks. */
  readonly url: string;
  /** The body of every request that was answered with 200. */
  readonly bodies: readonly string[];
  stop(): Promise<void>;
}

export const WEBHOOK_SECRET = "hook-secret";

/**
 * Starts a webhook on the loopback interface that keeps the bodies of its requests.
 *
 * @param responses statuses of the first responses; all others are 200
 */
export async function startWebhookServer(responses: readonly number[] = []): Promise<WebhookServer> {
  const bodies: string[] = [];
  const statuses = [...responses];
  return serve(bodies, (request, response) => {
    void text(request).then((body) => {
      const status = statuses.shift() ?? 200;
      if (status === 200) bodies.push(body);
      response.writeHead(status, { location: "/elsewhere" }).end(`cannot ${request.method} ${request.url}`);
    });
  });
}

/** Starts a webhook that accepts requests and never answers them. */
export async function startSilentWebhookServer(): Promise<WebhookServer> {
  return serve([], () => {});
}

async function serve(bodies: readonly string[], listener: RequestListener): Promise<WebhookServer> {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/services/${WEBHOOK_SECRET}?token=${WEBHOOK_SECRET}`,
    bodies,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
