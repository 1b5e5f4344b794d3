import { type Command, InvalidArgumentError } from "commander";
import { createAdminCommand, listAdminsCommand, resetAdminPassword } from "./commands/admin.ts";
import { listAlertsCommand, retryAlerts, testAlerts } from "./commands/alerts.ts";
import { api } from "./commands/api.ts";
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
import { calendarFormats, listFormats } from "./output.ts";
import type { Does } from "./program.ts";

/** Every command with its arguments and options, in the order of `payouts --help` (docs/cli.md). */
export function addCommands(program: Command, does: Does): void {
  addProcesses(program, does);
  addRuns(program, does);
  addChanges(program, does);
  addAdmins(program, does);
  addAlerts(program, does);
  addViews(program, does);
}

/** The processes of an installation. */
function addProcesses(program: Command, does: Does): void {
  program
    .command("up")
    .description("everything on this machine: database, workers, scheduler, API")
    .option("--sample", "load the sample network into an empty database")
    .action(does(up, { logLevel: "info" }));
  program.command("demo").description("play one month of a sample network on a throw-away database").action(does(demo));
  program.command("migrate").description("apply the migrations").action(does(migrate));
  program
    .command("worker")
    .description("one worker process of the scaled set-up")
    .action(does(worker, { logLevel: "info" }));
  program
    .command("api")
    .description("one API process of the scaled set-up")
    .action(does(api, { logLevel: "info" }));
}

/** Payment dates and their runs. */
function addRuns(program: Command, does: Does): void {
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
    .command("retry")
    .description("try the failed users of a run again")
    .option("--date <date>", "payment date (default: the latest run)")
    .action(does(retry));
}

/** What changes users, balances and invoices by hand. */
function addChanges(program: Command, does: Does): void {
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
    .command("review")
    .description("review invoices")
    .argument("<number...>")
    .option("--paid", "the money was sent")
    .option("--reject", "do not pay; the amount goes back to the balance")
    .option("--forfeit", "with --reject: the amount does not go back")
    .option("--reason <text>", "why it is rejected")
    .action(does(reviewInvoicesCommand, { formats: listFormats }));
  program
    .command("method")
    .description("review a user's payment method")
    .argument("<external-id>")
    .option("--approve")
    .option("--reject")
    .option("--reason <text>", "why it is rejected")
    .action(does(reviewMethodCommand));
}

/** Who may sign in to the API. */
function addAdmins(program: Command, does: Does): void {
  const admin = program.command("admin").description("who may sign in to the API");
  admin
    .command("create")
    .description("add an administrator; the password is asked for, or generated and shown once")
    .argument("<email>")
    .option("--role <role>", "viewer, operator or admin", "admin")
    .action(does(createAdminCommand));
  admin
    .command("password")
    .description("set another password for an administrator, and sign them out everywhere")
    .argument("<email>")
    .option("--remove-second-factor", "also for somebody who has lost it")
    .action(does(resetAdminPassword));
  admin
    .command("list")
    .description("all administrators")
    .action(does(listAdminsCommand, { formats: listFormats }));
}

/** What people are told without asking. */
function addAlerts(program: Command, does: Does): void {
  const alerts = program
    .command("alerts")
    .description("alerts and whether they were sent, newest first")
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000))
    .action(does(listAlertsCommand, { formats: listFormats }));
  alerts
    .command("test")
    .description("send a test alert through every configured channel now")
    .action(does(testAlerts, { formats: listFormats }));
  alerts.command("retry").description("send the alerts again that were given up").action(does(retryAlerts));
}

/** What there is to be read. */
function addViews(program: Command, does: Does): void {
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
    .command("why")
    .description("why a user was (not) paid")
    .argument("<external-id>")
    .option("--date <date>", "payment date (default: the latest run that considered the user)")
    .action(does(why));
  program
    .command("verify")
    .description("check every promise about the stored data")
    .action(does(verifyCommand, { formats: listFormats }));
}

function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(number >= from && number <= to))
      throw new InvalidArgumentError(`write a whole number from ${from} to ${to}.`);
    return number;
  };
}
