import { defined, InputError, parseLocalDate } from "@cpa-payouts/core";
import type { PaymentRun } from "@cpa-payouts/db";
import { type RetryResult, retryRun } from "@cpa-payouts/pipeline";
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
  const paymentDate = options.date === undefined ? undefined : parseLocalDate(options.date);
  return withFlow(cli, async (opened) => {
    const result = await retryRun(opened.ctx, defined({ paymentDate, actor: cli.actor }));
    const finished = await workUntilFinished(cli, opened, report(cli, paymentDate, result));
    return printSummary(cli, opened.ctx, finished);
  });
}

function report(cli: Cli, asked: string | undefined, result: RetryResult): PaymentRun {
  switch (result.status) {
    case "retried": {
      const { run, retried } = result;
      cli.say(
        retried === 0
          ? `No user of ${run.paymentDate} has failed`
          : `Trying ${retried} users of ${run.paymentDate} again`,
      );
      return run;
    }
    case "cancelled":
      cli.say(
        `The run of ${result.run.paymentDate} ${result.run.state === "cancelling" ? "is being cancelled" : "was cancelled"}`,
      );
      return result.run;
    case "unknown-run":
      throw new InputError(asked === undefined ? "there is no run yet" : `there is no run of ${asked}`);
  }
}
