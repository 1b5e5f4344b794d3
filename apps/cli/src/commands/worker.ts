import { InputError } from "@cpa-payouts/core";
import { runWorker } from "@cpa-payouts/worker";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";

/** One worker of the scaled set-up; on one machine `up` does the same with the embedded database. */
export async function worker(cli: Cli): Promise<undefined> {
  if (!cli.config.databaseUrl)
    throw new InputError('a worker needs DATABASE_URL (and REDIS_URL to share the work); "payouts up" needs neither');
  await withDatabase(cli, async (_ctx, { url: databaseUrl }) => {
    await runWorker({ config: cli.config, databaseUrl, clock: cli.clock, log: cli.log });
  });
}
