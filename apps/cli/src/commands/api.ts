import { InputError } from "@cpa-payouts/core";
import { hasAdmins } from "@cpa-payouts/db";
import { untilStopped } from "@cpa-payouts/runtime";
import { openProcessMetrics } from "@cpa-payouts/worker";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";
import { withTracing } from "../flow-connection.ts";
import { withApi } from "../with-api.ts";

/**
 * `payouts api`: runs one API process of the scaled set-up until SIGINT or SIGTERM. On one machine `payouts up` serves
 * the API with the embedded database.
 *
 * @throws InputError without DATABASE_URL
 */
export async function api(cli: Cli): Promise<undefined> {
  if (!cli.config.databaseUrl)
    throw new InputError(
      'the API needs DATABASE_URL (and REDIS_URL if the workers have it); "payouts up" needs neither',
    );
  await untilStopped(cli.log, (stopped) => withTracing(cli, (traced) => serve(traced, stopped)));
}

async function serve(cli: Cli, stopped: Promise<void>): Promise<undefined> {
  await withDatabase(cli, async (ctx, server) => {
    if (!(await hasAdmins(ctx.db)))
      cli.say('There is no administrator yet: "payouts admin create EMAIL" adds the first one');
    await withApi(cli, server, { mayTakeOtherPort: false, metrics: openProcessMetrics() }, () => stopped);
  });
}
