import type { RunningApi } from "@cpa-payouts/api";
import { openContext, type ProcessMetrics } from "@cpa-payouts/worker";
import type { Cli } from "./cli.ts";
import type { Server } from "./connection.ts";

/**
 * Runs `use` while the API is served, and closes it afterwards: first the door, then what is behind it.
 *
 * @param options.mayMove take another port when the default one is taken, which is better than not to start at all where
 *   it is only a part of what is wanted
 */
export async function withApi<T>(
  cli: Cli,
  server: Server,
  options: { mayMove: boolean; metrics: ProcessMetrics },
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

/** Loaded by those who need it: it takes a good part of a second, for which every other command would have to wait. */
export function loadApi(): Promise<typeof import("@cpa-payouts/api")> {
  return import("@cpa-payouts/api");
}
