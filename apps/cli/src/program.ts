import { InputError, OperationError } from "@cpa-payouts/core";
import { describeError, isConnectionError } from "@cpa-payouts/db";
import type { LogLevel } from "@cpa-payouts/worker";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { type Cli, type GlobalOptions, openCli, type Surroundings } from "./cli.ts";
import { calendar } from "./commands/calendar.ts";
import { creditUser } from "./commands/credit.ts";
import { demo } from "./commands/demo.ts";
import { importFile } from "./commands/import.ts";
import { listInvoices, listMethods, listUsers } from "./commands/lists.ts";
import { migrate } from "./commands/migrate.ts";
import { preview } from "./commands/preview.ts";
import { retry } from "./commands/retry.ts";
import { reviewInvoicesCommand, reviewMethodCommand } from "./commands/review.ts";
import { run } from "./commands/run.ts";
import { listRunsCommand, showRun } from "./commands/runs.ts";
import { up } from "./commands/up.ts";
import { verifyCommand } from "./commands/verify.ts";
import { why } from "./commands/why.ts";
import { worker } from "./commands/worker.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { calendarFormats, type Format, listFormats, objectFormats } from "./output.ts";

/** What a command does; its answer is the exit code, nothing means done. */
type Action<Args extends readonly unknown[]> = (cli: Cli, ...args: Args) => Promise<ExitCode | undefined>;

/**
 * Runs one command line.
 *
 * @returns the exit code; every error has been told in clear lines on stderr by then
 */
export async function runProgram(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done;
  const program = buildProgram(surroundings, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (cause) {
    return report(cause, surroundings);
  }
}

function report(cause: unknown, { stderr }: Surroundings): ExitCode {
  // Commander has printed its own message; help and version are no errors.
  if (cause instanceof CommanderError) return cause.exitCode === 0 ? exitCodes.done : exitCodes.badInput;
  // Whoever read stdout has seen enough, as `head` does.
  if (cause instanceof Error && "code" in cause && cause.code === "EPIPE") return exitCodes.done;
  if (cause instanceof InputError) {
    if (cause.problems.length > 1) for (const problem of cause.problems) stderr.write(`  ${problem}\n`);
    stderr.write(
      `error: ${cause.problems.length > 1 ? `${cause.problems.length} problems, see above` : cause.message}\n`,
    );
    return exitCodes.badInput;
  }
  stderr.write(`error: ${explain(cause)}\n`);
  return exitCodes.failed;
}

function explain(cause: unknown): string {
  if (cause instanceof OperationError) return cause.message;
  if (isConnectionError(cause))
    return `the database went away (${describeError(cause)}); run the command again when it is back`;
  return `${describeError(cause)} (unexpected; the log has more with --log-level debug)`;
}

function buildProgram(surroundings: Surroundings, onExit: (code: ExitCode) => void): Command {
  const program = new Command("payouts")
    .description("Pays the users of an affiliate (CPA) network twice a month, exact to the cent.")
    .option("--format <format>", "table, json or csv; data on stdout, everything else on stderr")
    .option("--json", "short for --format json")
    .option("--now <instant>", "pretend the time, such as 2026-12-07T02:00:00Z (not in production)")
    .option("--data-dir <dir>", "folder of the embedded database, used without DATABASE_URL")
    .option("--log-level <level>", "debug, info, warn, error or silent")
    .option("--actor <name>", "who gives the order, for the audit log (default: cli:<you>)")
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
    })
    .exitOverride();

  /** Connects an action to its command, which commander calls as (arguments..., options, command). */
  const does =
    <Args extends readonly unknown[]>(
      action: Action<Args>,
      settings: { logLevel?: LogLevel; formats?: readonly Format[] } = {},
    ) =>
    async (...called: unknown[]): Promise<void> => {
      const command = called.at(-1) as Command;
      const cli = openCli(surroundings, command.optsWithGlobals<GlobalOptions>(), {
        logLevel: "warn",
        formats: objectFormats,
        ...settings,
      });
      onExit((await action(cli, ...(called.slice(0, -1) as unknown as Args))) ?? exitCodes.done);
    };

  program
    .command("up")
    .description("everything on this machine: database, workers, scheduler")
    .option("--sample", "load the sample network into an empty database")
    .action(does(up, { logLevel: "info" }));
  program.command("demo").description("play one month of a sample network on a throw-away database").action(does(demo));
  program.command("migrate").description("apply the migrations").action(does(migrate));
  program
    .command("import")
    .description("add or update users by external_id from a CSV file; all rows or none")
    .argument("<file>", "CSV with a header")
    .option("--skip-bad", "import the good rows and leave the bad ones out")
    .action(does(importFile));
  program
    .command("credit")
    .description("add a conversion's earnings to a balance, once per key")
    .argument("<external-id>")
    .argument("<amount>", "dollars, such as 12.50")
    .requiredOption("--key <key>", "names the conversion; the same key never credits twice")
    .option("--note <text>")
    .action(does(creditUser));
  program
    .command("calendar")
    .description("payment dates")
    .option("--from <date>", "the first day (default: today)")
    .option("--months <n>", "how many months", wholeNumber(1, 1200), 12)
    .action(does(calendar, { formats: calendarFormats }));
  program
    .command("preview")
    .description("what a run would decide; writes nothing")
    .option("--date <date>", "payment date (default: today's or the next one)")
    .action(does(preview));
  program
    .command("run")
    .description("open or resume the run of a payment date and follow it to the end")
    .option("--date <date>", "payment date (default: today)")
    .action(does(run));
  const runs = program
    .command("runs")
    .description("payment runs, newest first")
    .option("--state <state>", "only runs in this state")
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000))
    .action(does(listRunsCommand, { formats: listFormats }));
  runs
    .command("show")
    .description("one run, with the users whose job failed and why")
    .argument("<date>")
    .action(does(showRun));
  program
    .command("invoices")
    .description("invoices, oldest first")
    .option("--status <status>", "pending, paid or rejected")
    .option("--date <date>", "of this payment date")
    .option("--user <external-id>", "of this user")
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000_000))
    .action(does(listInvoices, { formats: listFormats }));
  program
    .command("users")
    .description("users, with balance and payment method")
    .option("--status <status>", "active, suspended or closed")
    .option("--user <external-id>", "only this user")
    .option("--min-balance <amount>", "owed at least so many dollars")
    .option("--method <status>", "whose payment method is pending, approved or rejected")
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000_000))
    .action(does(listUsers, { formats: listFormats }));
  program
    .command("methods")
    .description("payment methods (Binance e-mails)")
    .option("--status <status>", "pending, approved, rejected or replaced")
    .option("--user <external-id>", "of this user")
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000_000))
    .action(does(listMethods, { formats: listFormats }));
  program
    .command("method")
    .description("review a user's payment method")
    .argument("<external-id>")
    .option("--approve")
    .option("--reject")
    .option("--reason <text>", "why it is rejected")
    .action(does(reviewMethodCommand));
  program
    .command("review")
    .description("review invoices")
    .argument("<number...>")
    .option("--paid", "the money was sent")
    .option("--reject", "do not pay; the amount goes back to the balance")
    .option("--forfeit", "with --reject: the amount does not go back")
    .option("--reason <text>", "why it is rejected")
    .action(does(reviewInvoicesCommand, { formats: listFormats }));
  program
    .command("why")
    .description("why a user was (not) paid")
    .argument("<external-id>")
    .option("--date <date>", "payment date (default: the latest run that considered the user)")
    .action(does(why));
  program
    .command("retry")
    .description("try the failed users of a run again")
    .option("--date <date>", "payment date (default: the latest run)")
    .action(does(retry));
  program
    .command("verify")
    .description("check every promise about the stored data")
    .action(does(verifyCommand, { formats: listFormats }));
  program
    .command("worker")
    .description("one worker process of the scaled set-up")
    .action(does(worker, { logLevel: "info" }));
  return program;
}

function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= from && number <= to))
      throw new InvalidArgumentError(`write a whole number from ${from} to ${to}.`);
    return number;
  };
}
