import { once } from "node:events";
import { installedAssets, readApiConfig, startApi } from "@cpa-payouts/api";
import { createLogger, openContext, readConfig } from "@cpa-payouts/runtime";
import { limitHeapGrowth } from "@cpa-payouts/runtime/heap";

export interface ApiStart {
  readonly databaseUrl: string;
  readonly migrationsFolder: string;
}

/** The messages of the process: its URL once it listens, and on request its resident memory in megabytes. */
export type ApiReport = { readonly url: string } | { readonly megabytes: number };

/** Runs the API as `payouts api` does, until the parent process closes the channel. */
async function serve({ databaseUrl, migrationsFolder }: ApiStart): Promise<void> {
  limitHeapGrowth();
  const config = readConfig({ DATABASE_URL: databaseUrl }, new Date());
  const log = createLogger({ level: "warn", isTerminal: false });
  const opened = await openContext({ config, databaseUrl, clock: () => new Date(), log, purpose: "api" });
  const apiConfig = readApiConfig({ API_PORT: "0", API_RATE_LIMIT: "999999999" });
  const running = await startApi({ ...opened, config: apiConfig, migrationsFolder, assets: installedAssets() });
  tell({ url: running.url });
  process.on("message", () => tell({ megabytes: process.memoryUsage().rss / 1_048_576 }));
  await once(process, "disconnect");
  await running.close();
  await opened.close();
}

function tell(report: ApiReport): void {
  process.send?.(report);
}

const [start] = (await once(process, "message")) as [ApiStart];
await serve(start);
