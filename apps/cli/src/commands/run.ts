import { InputError, isCancelled, type LocalDate, parseLocalDate } from "@cpa-payouts/core";
import type { PaymentRun } from "@cpa-payouts/db";
import {
  type Context,
  describeFutureDate,
  followRun,
  notAPaymentDate,
  type RunSummary,
  readRunnableDate,
  startRun,
  summarizeRun,
} from "@cpa-payouts/pipeline";
import type { OpenContext } from "@cpa-payouts/runtime";
import { startWorkers } from "@cpa-payouts/worker";
import type { Cli } from "../cli.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { withFlow } from "../flow-connection.ts";
import { onInterrupt } from "../interrupt.ts";
import { notAPaymentDateLine, summaryLines } from "../present.ts";

/**
 * `payouts run`: opens or resumes the run of a payment date (default: today) and follows it to the end. For a finished
 * run it prints the stored summary; for a day that is no payment date, the next one.
 *
 * @returns `failed` when the run has failed users
 * @throws InputError for a date in the future, or before the year 2000
 */
export async function run(cli: Cli, options: { date?: string }): Promise<ExitCode> {
  const asked = options.date === undefined ? undefined : parseLocalDate(options.date);
  const runnable = readRunnableDate({ clock: cli.clock, policy: cli.config.policy }, asked);
  if (runnable.status === "future")
    throw new InputError(describeFutureDate(runnable, `"payouts preview --date ${runnable.date}"`));
  if (runnable.status === "too-old")
    throw new InputError(
      `${runnable.date} is before ${runnable.earliest}, the earliest date that can be run; look at the year`,
    );
  if (runnable.status === "not-a-payment-date") return printNotAPaymentDate(cli, runnable.date);
  return withFlow(cli, async (opened) => {
    const started = await startRun(opened.ctx, { date: runnable.date, trigger: "manual", actor: cli.actor });
    const finished = await workUntilFinished(cli, opened, started);
    return printSummary(cli, opened.ctx, finished);
  });
}

async function printNotAPaymentDate(cli: Cli, date: LocalDate): Promise<ExitCode> {
  const result = notAPaymentDate(date);
  await cli.output.object(result, () => [notAPaymentDateLine(result)]);
  return exitCodes.done;
}

/**
 * Works on the run's queues in this process, beside any other workers, until the run is finished. The queue of the
 * ticks is left out: this command runs one date, not others that may be due.
 *
 * @returns the finished run
 * @throws OperationError on SIGINT or SIGTERM; the run stays open
 */
export async function workUntilFinished(
  cli: Cli,
  { ctx, backend }: OpenContext,
  started: PaymentRun,
): Promise<PaymentRun> {
  if (started.state === "completed" || started.state === "cancelled") return started;
  const { workerConcurrency: concurrency } = cli.config;
  const workers = await startWorkers(ctx, backend, { concurrency, queues: ["runs", "invoices"] });
  const interrupt = onInterrupt(`the run stays open; "payouts run --date ${started.paymentDate}" goes on with it`);
  try {
    return await followRun(ctx, started.id, {
      signal: interrupt.signal,
      onProgress: ({ state, done, total }) => {
        // Cancelling is not a phase, and showing another phase would mark the present one as complete.
        if (!isCancelled(state)) cli.progress.show(phases[state], done, total);
      },
    });
  } finally {
    interrupt.dispose();
    cli.progress.stop();
    await workers.close();
  }
}

const phases = {
  deciding: "deciding",
  "fanning-out": "creating invoices",
  processing: "creating invoices",
  completed: "creating invoices",
} as const;

/**
 * Prints the summary of a run, and on stderr what to do about failed users.
 *
 * @returns `failed` when the run has failed users
 */
export async function printSummary(cli: Cli, ctx: Pick<Context, "db">, run: PaymentRun): Promise<ExitCode> {
  const summary: RunSummary = await summarizeRun(ctx, run);
  await cli.output.object(summary, () => summaryLines(summary));
  if (summary.failed === 0) return exitCodes.done;
  cli.say(
    `${summary.failed} users failed; "payouts runs show ${run.paymentDate}" says why, "payouts retry --date ${run.paymentDate}" tries them again`,
  );
  return exitCodes.failed;
}
