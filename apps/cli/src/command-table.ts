import {
  adminRoles,
  invoiceTransitions,
  parseWholeNumber,
  paymentMethodTransitions,
  runTransitions,
  statesOf,
  userStatuses,
} from "@cpa-payouts/core";
import { type Command, InvalidArgumentError } from "commander";
import type { BindAction } from "./action.ts";
import { listChoices } from "./choices.ts";
import { formats, listFormats } from "./output.ts";

/**
 * Adds every command with its arguments and options, in the order of `payouts --help` (docs/cli.md). The code of a command is
 * loaded when it is called, so `--help` does not wait for it.
 */
export function addCommands(program: Command, bind: BindAction): void {
  addProcesses(program, bind);
  addRuns(program, bind);
  addChanges(program, bind);
  addAdmins(program, bind);
  addAlerts(program, bind);
  addViews(program, bind);
}

/** The processes of an installation. */
function addProcesses(program: Command, bind: BindAction): void {
  program
    .command("up")
    .description("run everything on this machine: database, workers, scheduler, API")
    .option("--sample", "load the sample network into an empty database")
    .action(bind(async () => (await import("./commands/up.ts")).up, { logLevel: "info" }));
  program
    .command("demo")
    .description("play one month of a sample network on a throw-away database")
    .action(bind(async () => (await import("./commands/demo.ts")).demo));
  program
    .command("migrate")
    .description("apply the migrations")
    .action(bind(async () => (await import("./commands/migrate.ts")).migrate));
  program
    .command("worker")
    .description("run one worker process of the scaled set-up")
    .action(bind(async () => (await import("./commands/worker.ts")).worker, { logLevel: "info" }));
  program
    .command("api")
    .description("run one API process of the scaled set-up")
    .action(bind(async () => (await import("./commands/api.ts")).api, { logLevel: "info" }));
}

/** Payment dates and their runs. */
function addRuns(program: Command, bind: BindAction): void {
  program
    .command("calendar")
    .description("list payment dates")
    .option("--from <date>", "the first day (default: today)")
    .option("--months <n>", "how many months", wholeNumber(1, 1200), 12)
    .action(bind(async () => (await import("./commands/calendar.ts")).calendar, { formats }));
  program
    .command("preview")
    .description("show what a run would decide; writes nothing")
    .option("--date <date>", "payment date (default: today's or the next one)")
    .action(bind(async () => (await import("./commands/preview.ts")).preview));
  program
    .command("run")
    .description("open or resume the run of a payment date and follow it to the end")
    .option("--date <date>", "payment date (default: today)")
    .action(bind(async () => (await import("./commands/run.ts")).run));
  const runs = program
    .command("runs")
    .description("list payment runs, newest first")
    .option("--state <state>", `only runs in this state: ${listChoices(statesOf(runTransitions))}`)
    .option("--limit <n>", "list at most n", wholeNumber(1, 1_000_000))
    .action(bind(async () => (await import("./commands/runs.ts")).printRuns, { formats: listFormats }));
  runs
    .command("show")
    .description("show one run, with the users whose job failed and why")
    .argument("<date>")
    .action(bind(async () => (await import("./commands/runs.ts")).showRun));
  program
    .command("retry")
    .description("try the failed users of a run again")
    .option("--date <date>", "payment date (default: the latest run)")
    .action(bind(async () => (await import("./commands/retry.ts")).retry));
}

/** Manual changes of users, balances and invoices. */
function addChanges(program: Command, bind: BindAction): void {
  program
    .command("import")
    .description("add or update users by external_id from a CSV file; all rows or none")
    .argument("<file>", "CSV with a header")
    .option("--skip-bad", "import the good rows and leave the bad ones out")
    .option("--override-status", "apply the file's statuses to users whose status an administrator set, too")
    .action(bind(async () => (await import("./commands/import.ts")).importFile));
  program
    .command("credit")
    .description("add a conversion's earnings to a balance, once per key")
    .argument("<external-id>")
    .argument("<amount>", "dollars, such as 12.50")
    .requiredOption("--key <key>", "names the conversion; the same key never credits twice")
    .option("--note <text>")
    .action(bind(async () => (await import("./commands/credit.ts")).addCredit));
  program
    .command("review")
    .description("review invoices")
    .argument("<number...>")
    .option("--paid", "the money was sent")
    .option("--reject", "do not pay; the amount goes back to the balance")
    .option("--forfeit", "with --reject: the network keeps the amount")
    .option("--reason <text>", "why it is rejected")
    .action(bind(async () => (await import("./commands/review.ts")).review, { formats: listFormats }));
  program
    .command("method")
    .description("review a user's payment method")
    .argument("<external-id>")
    .option("--approve")
    .option("--reject")
    .option("--reason <text>", "why it is rejected")
    .action(bind(async () => (await import("./commands/review.ts")).method));
}

/** The administrators of the API. */
function addAdmins(program: Command, bind: BindAction): void {
  const admin = program.command("admin").description("administrators, who may sign in to the API");
  admin
    .command("create")
    .description("add an administrator; the password is asked for, or generated and shown once")
    .argument("<email>")
    .option("--role <role>", listChoices(adminRoles), "admin")
    .action(bind(async () => (await import("./commands/admin.ts")).addAdmin));
  admin
    .command("password")
    .description("set another password for an administrator, and sign them out everywhere")
    .argument("<email>")
    .option("--remove-second-factor", "also remove the second factor")
    .action(bind(async () => (await import("./commands/admin.ts")).resetAdminPassword));
  admin
    .command("unlock")
    .description("let an administrator sign in again at once after too many failed tries")
    .argument("<email>")
    .action(bind(async () => (await import("./commands/admin.ts")).unlock));
  admin
    .command("list")
    .description("list all administrators")
    .action(bind(async () => (await import("./commands/admin.ts")).printAdmins, { formats: listFormats }));
}

/** Alerts and their deliveries. */
function addAlerts(program: Command, bind: BindAction): void {
  const alerts = program
    .command("alerts")
    .description("list alerts and whether they were sent, newest first")
    .option("--limit <n>", "list at most n", wholeNumber(1, 1_000_000))
    .action(bind(async () => (await import("./commands/alerts.ts")).printAlerts, { formats: listFormats }));
  alerts
    .command("test")
    .description("send a test alert through every configured channel now")
    .action(bind(async () => (await import("./commands/alerts.ts")).testAlerts, { formats: listFormats }));
  alerts
    .command("retry")
    .description("open the failed deliveries again; the workers send them after the next tick")
    .action(bind(async () => (await import("./commands/alerts.ts")).resendAlerts));
}

/** Lists and reports. */
function addViews(program: Command, bind: BindAction): void {
  program
    .command("invoices")
    .description("list invoices, oldest first")
    .option("--status <status>", listChoices(statesOf(invoiceTransitions)))
    .option("--date <date>", "only invoices of this payment date")
    .option("--user <external-id>", "only invoices of this user")
    .option("--limit <n>", "list at most n", wholeNumber(1, 1_000_000_000))
    .action(bind(async () => (await import("./commands/lists.ts")).printInvoices, { formats: listFormats }));
  program
    .command("users")
    .description("list users, with balance and payment method")
    .option("--status <status>", listChoices(userStatuses))
    .option("--user <external-id>", "only this user")
    .option("--min-balance <amount>", "only users who are owed at least this amount, in dollars")
    .option(
      "--method <status>",
      `only users whose payment method is ${listChoices(statesOf(paymentMethodTransitions))}`,
    )
    .option("--limit <n>", "list at most n", wholeNumber(1, 1_000_000_000))
    .action(bind(async () => (await import("./commands/lists.ts")).printUsers, { formats: listFormats }));
  program
    .command("methods")
    .description("list payment methods (Binance e-mails)")
    .option("--status <status>", listChoices(statesOf(paymentMethodTransitions)))
    .option("--user <external-id>", "only methods of this user")
    .option("--limit <n>", "list at most n", wholeNumber(1, 1_000_000_000))
    .action(bind(async () => (await import("./commands/lists.ts")).printMethods, { formats: listFormats }));
  program
    .command("why")
    .description("explain why a user was or was not paid")
    .argument("<external-id>")
    .option("--date <date>", "payment date (default: the latest run that considered the user)")
    .action(bind(async () => (await import("./commands/why.ts")).why));
  program
    .command("verify")
    .description("check every invariant of the stored data and list what violates it")
    .option("--repair-tallies", "recount the tallies of invoices and decisions first, and correct those that differ")
    .action(bind(async () => (await import("./commands/verify.ts")).verifyData, { formats: listFormats }));
}

function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const number = parseWholeNumber(text, from, to);
    if (number === null) throw new InvalidArgumentError(`write a whole number from ${from} to ${to}.`);
    return number;
  };
}
