import { parseLocalDate } from "@cpa-payouts/core";
import { getRun } from "@cpa-payouts/db";
import { retryRun } from "@cpa-payouts/pipeline";
import type { Cli } from "../cli.ts";
import type { ExitCode } from "../exit-codes.ts";
import { withFlow } from "../flow-connection.ts";
import { printSummary, workUntilFinished } from "./run.ts";

/**
 * `payouts retry`: opens the failed decisions of a run again (default: the latest run) and follows the run to its end.
 *
 * @returns `failed` when the run still has failed users
 * @throws InputError when there is no such run
 */
export async function retry(cli: Cli, options: { date?: string }): Promise<ExitCode> {
  const date = options.date === undefined ? {} : { paymentDate: parseLocalDate(options.date) };
  return withFlow(cli, async (opened) => {
    const { run, retried } = await retryRun(opened.ctx, { ...date, actor: cli.actor });
    cli.say(
      retried === 0
        ? `No user of ${run.paymentDate} has failed`
        : `Trying ${retried} users of ${run.paymentDate} again`,
    );
    const finished = await workUntilFinished(cli, opened, await getRun(opened.ctx.db, run.id));
    return printSummary(cli, opened.ctx, finished);
  });
}
