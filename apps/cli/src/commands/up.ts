import { createFirstAdmin } from "@cpa-payouts/access";
import type { LocalDate } from "@cpa-payouts/core";
import { hasAdmins, hasUsers } from "@cpa-payouts/db";
import { type DataContext, findNextDate } from "@cpa-payouts/pipeline";
import { untilStopped } from "@cpa-payouts/runtime";
import { openProcessMetrics, runWorker } from "@cpa-payouts/worker";
import type { Cli } from "../cli.ts";
import { migrateAll, type Server, useDatabase, withServer } from "../connection.ts";
import { withTracing } from "../flow-connection.ts";
import { importSampleNetwork } from "../sample-network.ts";
import { withApi } from "../with-api.ts";

const FIRST_ADMIN = "admin@localhost";

/** `payouts up`: runs database, workers, scheduler and API in this process until SIGINT or SIGTERM. */
export async function up(cli: Cli, { sample = false }: { sample?: boolean }): Promise<undefined> {
  await withTracing(cli, (traced) =>
    withServer(traced, (server) => untilStopped(cli.log, (stopped) => serve(traced, server, { sample, stopped }))),
  );
}

async function serve(
  cli: Cli,
  server: Server,
  { sample, stopped }: { sample: boolean; stopped: Promise<void> },
): Promise<void> {
  // The embedded database is migrated by `useDatabase`, and migrations do not go through a pooler.
  if (!server.folder && !cli.config.isPooled) await migrateAll(cli, server.url);
  cli.say(`Database: ${describe(cli, server)}`);
  const nextDate = await useDatabase(cli, server, async (ctx) => {
    await introduceAdmin(cli, ctx, server);
    await greet(cli, ctx, sample);
    return (await findNextDate(ctx, cli.config.policy)).date;
  });
  const metrics = openProcessMetrics();
  const onReady = (nextTick: Date | null) => printReady(cli, nextDate, nextTick);
  await withApi(cli, server, { mayTakeOtherPort: true, metrics }, () =>
    runWorker({ ...cli, databaseUrl: server.url, metrics, stopped, onReady }),
  );
}

function describe({ config }: Cli, { folder }: Server): string {
  if (folder) return `embedded, in ${folder}`;
  if (!config.isPooled) return "the one that DATABASE_URL names";
  return 'the one that DATABASE_URL names, through a pooler; run "payouts migrate" yourself, with the server\'s own address';
}

/** Creates the first administrator of an embedded database; in any other, an operator chooses who that is. */
async function introduceAdmin(cli: Cli, ctx: DataContext, { folder }: Server): Promise<void> {
  if (!folder) {
    if (!(await hasAdmins(ctx.db)))
      cli.say('There is no administrator yet: "npx payouts admin create EMAIL" adds the first one');
    return;
  }
  const first = await createFirstAdmin(ctx, { email: FIRST_ADMIN, actor: cli.actor });
  if (first.status === "created")
    cli.say(`Sign in as ${FIRST_ADMIN} with the password ${first.password} (shown only once)`);
}

async function greet(cli: Cli, ctx: DataContext, sample: boolean): Promise<void> {
  if (await hasUsers(ctx.db)) {
    if (sample) cli.say("There are users already; the sample network was not loaded");
  } else if (sample) {
    await loadSample(cli, ctx);
  } else {
    cli.say("There are no users yet; from another shell:");
    cli.say("  npx payouts import FILE.csv    imports your users");
    cli.say("  npm start -- --sample          (after stopping this) loads a sample network");
  }
}

async function loadSample(cli: Cli, ctx: DataContext): Promise<void> {
  const created = await importSampleNetwork(ctx, cli.actor);
  cli.say(`Loaded a sample network of ${created} users; "npx payouts preview" shows what the next payment date brings`);
}

function printReady(cli: Cli, nextDate: LocalDate, nextTick: Date | null): void {
  cli.say(`Next payment date: ${nextDate}. Next daily tick: ${nextTick?.toISOString() ?? "unknown"}. Ctrl-C stops.`);
}
