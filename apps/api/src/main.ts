import { OperationError } from "@cpa-payouts/core";
import type { FastifyInstance } from "fastify";
import type { Api } from "./api.ts";
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
 * @throws OperationError in one line when the address is taken or not ours
 */
export async function startApi(api: Api): Promise<RunningApi> {
  const server = await createServer(api);
  try {
    const url = await listen(server, api);
    api.ctx.log.info({ address: url }, "api.started");
    return { url, close: () => server.close() };
  } catch (cause) {
    await server.close();
    throw cause;
  }
}

async function listen(server: FastifyInstance, { config: { host, port } }: Api): Promise<string> {
  try {
    return await server.listen({ host, port });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const reason = {
      EADDRINUSE: "the port is taken",
      EACCES: "the port is not for us",
      EADDRNOTAVAIL: "it is no address of this machine",
    }[code ?? ""];
    if (!reason) throw cause;
    throw new OperationError(`the API cannot listen on ${host}:${port}: ${reason}; set API_HOST and API_PORT`);
  }
}
