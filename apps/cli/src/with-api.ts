import type { RunningApi } from "@cpa-payouts/api";
import { openContext } from "@cpa-payouts/runtime";
import type { ProcessMetrics } from "@cpa-payouts/worker";
import type { Cli } from "./cli.ts";
import type { Server } from "./connection.ts";

/**
 * Runs `use` while the API is served. Afterwards the API stops listening first, then its connections are closed.
 *
 * @param options.mayTakeOtherPort take another port when the default one is taken; for `up`, whose other parts must start anyway
 * @param options.metrics the metrics of this process, served with those of the installation
 * @returns the result of `use`
 * @throws InputError for a wrong configuration of the API, OperationError when it cannot listen
 */
export async function withApi<T>(
  cli: Cli,
  server: Server,
  options: { mayTakeOtherPort: boolean; metrics: ProcessMetrics },
  use: (api: RunningApi) => Promise<T>,
): Promise<T> {
  const { config, clock, log, env, migrationsFolder, assetsFolder, telemetry } = cli;
  const { assetsIn, installedAssets, readApiConfig, startApi } = await loadApi();
  const assets = assetsFolder ? assetsIn(assetsFolder) : installedAssets();
  const apiConfig = readApiConfig(env);
  const opened = await openContext({ config, databaseUrl: server.url, clock, log, telemetry, purpose: "api" });
  try {
    const { ctx, backend } = opened;
    const running = await startApi(
      { ctx, backend, config: apiConfig, migrationsFolder, assets, processMetrics: options.metrics.text },
      options,
    );
    cli.say(`API: ${apiConfig.publicUrl ?? running.url} (its documentation: /docs, the queues: /queues)`);
    try {
      return await use(running);
    } finally {
      await running.close();
    }
  } finally {
    await opened.close();
  }
}

/**
 * Loads the API only in the commands that serve it: loading takes half a second, which delays the start of a command.
 */
function loadApi(): Promise<typeof import("@cpa-payouts/api")> {
  return import("@cpa-payouts/api");
}
