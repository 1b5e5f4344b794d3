import { type OpenContext, openContext, startTracing } from "@cpa-payouts/runtime";
import type { Cli } from "./cli.ts";
import { type Server, withDatabase } from "./connection.ts";

/** Runs `use` with connections to the database, which must be migrated already, and to the queue. */
export async function useFlow<T>(cli: Cli, server: Server, use: (opened: OpenContext) => Promise<T>): Promise<T> {
  const { config, clock, log, telemetry } = cli;
  const opened = await openContext({ config, databaseUrl: server.url, clock, log, telemetry });
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

/** {@link useFlow} with the command's server, and with tracing if it is configured. */
export async function withFlow<T>(cli: Cli, use: (opened: OpenContext) => Promise<T>): Promise<T> {
  return withTracing(cli, (traced) => withDatabase(traced, (_ctx, server) => useFlow(traced, server, use)));
}

/** Runs `use` with tracing, if it is configured, and sends the last spans afterwards. */
export async function withTracing<T>(cli: Cli, use: (traced: Cli) => Promise<T>): Promise<T> {
  const { telemetry, stop } = await startTracing(cli.config, cli.log);
  try {
    return await use({ ...cli, telemetry });
  } finally {
    await stop();
  }
}
