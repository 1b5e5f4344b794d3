import { type OperationName, operations } from "@cpa-payouts/contract";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addCommands } from "../src/command-table.ts";

/** The command that does the same as an operation of the API; null where there is none. */
const twins: Readonly<Record<OperationName, string | null>> = {
  // The command line has no sessions: access to the database is access to the commands.
  signIn: null,
  readSession: null,
  confirmSession: null,
  signOut: null,
  changePassword: null,
  proposeSecondFactor: null,
  setSecondFactor: null,
  removeSecondFactor: null,
  listSessions: null,
  endSession: null,

  listInvoices: "invoices",
  totalInvoices: null,
  exportInvoices: "invoices",
  readInvoice: null,
  previewReview: null,
  reviewInvoices: "review",

  listRuns: "runs",
  previewRun: "preview",
  readRun: "runs show",
  followRun: "run",
  listDecisions: null,
  openRun: "run",
  resumeRun: "run",
  retryRun: "retry",
  cancelRun: null,

  listUsers: "users",
  readUser: "users",
  changeUserStatus: null,
  listLedger: null,
  explainUser: "why",

  listMethods: "methods",
  reviewMethod: "method",

  createCredit: "credit",
  createAdjustment: null,

  readDashboard: null,
  listPaymentDates: "calendar",
  exportCalendar: "calendar",
  listAuditLog: null,

  listAdmins: "admin list",
  createAdmin: "admin create",
  changeAdmin: null,
  resetAdminPassword: "admin password",
  removeAdminSecondFactor: "admin password",

  listTokens: null,
  createToken: null,
  revokeToken: null,

  readSettings: null,
  changeSettings: null,

  readLiveness: null,
  readReadiness: null,
  readMetrics: null,
};

/** The commands without a twin, each with the reason. */
const withoutTwin: Readonly<Record<string, string>> = {
  up: "starts the processes of an installation",
  demo: "works on a database of its own",
  migrate: "the API starts only when every migration is applied",
  worker: "starts a process",
  api: "starts a process",
  import: "an import file may have millions of rows, more than a request may hold",
  admin: "a group of commands that does nothing itself",
  alerts: "alerts are the concern of the installation's operator, who has its configuration",
  "alerts test": "sends through the channels that are configured where it runs",
  "alerts retry": "alerts are the concern of the installation's operator, who has its configuration",
  verify: "reads every row, which takes longer than a request may",
};

/** The names of all commands below one, such as `runs` and `runs show`. */
function commandsBelow(command: Command, prefix = ""): string[] {
  return command.commands.flatMap((sub) => [
    `${prefix}${sub.name()}`,
    ...commandsBelow(sub, `${prefix}${sub.name()} `),
  ]);
}

describe("operations and their commands", () => {
  const program = new Command("payouts");
  addCommands(program, () => async () => {});
  const commands = commandsBelow(program).sort();
  const named = Object.values(twins).filter((name) => name !== null);

  it("the table of twins holds exactly the operations of the API", () => {
    expect(Object.keys(twins).sort()).toEqual(Object.keys(operations).sort());
  });

  it("every twin of an operation is a command of payouts", () => {
    expect(named.filter((name) => !commands.includes(name))).toEqual([]);
  });

  it("every command is the twin of an operation or has a reason to have none, never both", () => {
    expect([...new Set(named), ...Object.keys(withoutTwin)].sort()).toEqual(commands);
  });
});
