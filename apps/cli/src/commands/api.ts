import { InputError } from "@cpa-payouts/core";
import { hasAdmins } from "@cpa-payouts/db";
import { openProcessMetrics, untilStopped } from "@cpa-payouts/worker";
import { withApi } from "../api-server.ts";
import type { Cli } from "../cli.ts";
import { withDatabase } from "../connection.ts";
import { withTracing } from "../flow-connection.ts";

/** One API process of the scaled set-up; on one machine `up` does the same with the embedded database. */
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
      cli.say('Nobody can sign in yet: "payouts admin create EMAIL" adds the first administrator');
    await withApi(cli, server, { mayMove: false, metrics: openProcessMetrics() }, () => stopped);
  });
}
