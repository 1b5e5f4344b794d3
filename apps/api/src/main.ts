import { OperationError } from "@cpa-payouts/core";
import type { FastifyInstance } from "fastify";
import type { ApiOptions } from "./api.ts";
import type { ApiConfig } from "./env.ts";
import { createServer } from "./server.ts";

/** The API of this process while it listens. */
export interface RunningApi {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  /** Stops accepting requests and waits for those in progress. */
  close(): Promise<void>;
}

/**
 * Creates the server and starts to listen.
 *
 * @param options.mayTakeOtherPort listen on any free port when the default port is taken; a configured port is never changed
 * @throws OperationError with a one-line message when the address is taken, not permitted or not of this machine
 */
export async function startApi(
  api: ApiOptions,
  { mayTakeOtherPort = false }: { mayTakeOtherPort?: boolean } = {},
): Promise<RunningApi> {
  const server = await createServer(api);
  try {
    const url = await listen(server, api.config, mayTakeOtherPort && api.config.isDefaultPort);
    api.ctx.log.info({ address: url }, "api.started");
    return { url, close: () => server.close() };
  } catch (cause) {
    await server.close();
    throw cause;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is taken",
  EACCES: "this process has no permission to use the port",
  EADDRNOTAVAIL: "this machine does not have that address",
};

async function listen(server: FastifyInstance, { host, port }: ApiConfig, mayTakeOtherPort: boolean): Promise<string> {
  try {
    return await server.listen({ host, port });
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (code === "EADDRINUSE" && mayTakeOtherPort) return server.listen({ host, port: 0 });
    const reason = REASONS[code];
    if (!reason) throw cause;
    throw new OperationError(`the API cannot listen on ${host}:${port}: ${reason}; set API_HOST and API_PORT`);
  }
}
