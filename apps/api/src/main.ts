import { OperationError } from "@cpa-payouts/core";
import type { FastifyInstance } from "fastify";
import type { ApiOptions } from "./api.ts";
import type { ApiConfig } from "./env.ts";
import { createServer } from "./server.ts";

export interface RunningApi {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  readonly url: string;
  /** Stops taking requests and waits for those under way. */
  close(): Promise<void>;
}

/**
 * Serves the API.
 *
 * @param options.mayMove take any free port when the default one is taken; one that was asked for is never changed
 * @throws OperationError in one line when the address is taken or not ours
 */
export async function startApi(api: ApiOptions, { mayMove = false }: { mayMove?: boolean } = {}): Promise<RunningApi> {
  const server = await createServer(api);
  try {
    const url = await listen(server, api.config, mayMove && api.config.isDefaultPort);
    api.ctx.log.info({ address: url }, "api.started");
    return { url, close: () => server.close() };
  } catch (cause) {
    await server.close();
    throw cause;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is taken",
  EACCES: "the port is not for us",
  EADDRNOTAVAIL: "it is no address of this machine",
};

async function listen(server: FastifyInstance, { host, port }: ApiConfig, mayMove: boolean): Promise<string> {
  try {
    return await server.listen({ host, port });
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (code === "EADDRINUSE" && mayMove) return server.listen({ host, port: 0 });
    const reason = REASONS[code];
    if (!reason) throw cause;
    throw new OperationError(`the API cannot listen on ${host}:${port}: ${reason}; set API_HOST and API_PORT`);
  }
}
