import { InputError } from "@cpa-payouts/core";
import { untilStopped } from "@cpa-payouts/runtime";
import { runWorker } from "@cpa-payouts/worker";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";
import { withTracing } from "../flow-connection.ts";

/**
 * `payouts worker`: runs one worker process of the scaled set-up until SIGINT or SIGTERM. On one machine `payouts up`
 * does the same with the embedded database.
 *
 * @throws InputError without DATABASE_URL
 */
export async function worker(cli: Cli): Promise<undefined> {
  if (!cli.config.databaseUrl)
    throw new InputError(
      'a worker needs DATABASE_URL (and REDIS_URL if the queue is on Redis); "payouts up" needs neither',
    );
  await untilStopped(cli.log, (stopped) =>
    withTracing(cli, (traced) =>
      withDatabase(traced, (_ctx, { url: databaseUrl }) => runWorker({ ...traced, databaseUrl, stopped })),
    ),
  );
}
