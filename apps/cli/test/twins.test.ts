import { readdirSync, readFileSync } from "node:fs";
import { type OperationName, operationGroups, operations } from "@cpa-payouts/contract";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addCommands } from "../src/command-table.ts";

interface Twin {
  readonly command: string;
  /** The function below both apps by which the two do the same; null where `differs` says why they share none. */
  readonly shares: string | null;
  /** What only one of the two does. */
  readonly differs?: string;
}

/** The command that serves the purpose of an operation of the API; null where there is none. */
const twins: Readonly<Record<OperationName, Twin | null>> = {
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

  listInvoices: {
    command: "invoices",
    shares: "listInvoices",
    differs: "the command prints all of them, oldest first, and has no totals",
  },
  totalInvoices: null,
  exportInvoices: {
    command: "invoices",
    shares: "listInvoices",
    differs: "the CSV of the command has other columns, which are its contract",
  },
  readInvoice: null,
  previewReview: null,
  reviewInvoices: {
    command: "review",
    shares: "reviewInvoices",
    differs: "the command takes numbers only, without a preview",
  },

  listRuns: { command: "runs", shares: "summarizeRuns" },
  previewRun: { command: "preview", shares: "previewRun" },
  readRun: { command: "runs show", shares: "summarizeRun", differs: "the command also prints the failed users" },
  followRun: { command: "run", shares: null, differs: "the command opens the run and works on it as well" },
  listDecisions: null,
  openRun: { command: "run", shares: "startRun", differs: "the command also works on the run until it is finished" },
  resumeRun: {
    command: "run",
    shares: null,
    differs: "startRun of the command resumes an existing run, and opens one if there is none",
  },
  retryRun: { command: "retry", shares: "retryRun", differs: "the command also works on the run until it is finished" },
  cancelRun: null,

  listUsers: { command: "users", shares: "listUsers" },
  readUser: { command: "users", shares: "listUsers", differs: "the command prints no expected payment" },
  changeUserStatus: null,
  listLedger: null,
  explainUser: {
    command: "why",
    shares: "findDecision",
    differs: "the command explains one decision, the operation several",
  },

  listMethods: { command: "methods", shares: "listMethods" },
  reviewMethod: {
    command: "method",
    shares: "reviewMethod",
    differs: "the command does not name the Binance e-mail that the reviewer saw",
  },

  createCredit: {
    command: "credit",
    shares: "credit",
    differs: "for the operation the note is a part of what the key stands for",
  },
  createAdjustment: null,

  readDashboard: null,
  listPaymentDates: { command: "calendar", shares: "paymentDatesBetween" },
  exportCalendar: { command: "calendar", shares: "toIcs" },
  listAuditLog: null,

  listAdmins: { command: "admin list", shares: "listAdmins" },
  createAdmin: {
    command: "admin create",
    shares: "createAdmin",
    differs: "the command can also take a password that was typed, and needs no second person",
  },
  changeAdmin: null,
  resetAdminPassword: {
    command: "admin password",
    shares: "resetPassword",
    differs: "the command can also take a password that was typed",
  },
  removeAdminSecondFactor: {
    command: "admin password",
    shares: "removeSecondFactor",
    differs: "the command replaces the password, too",
  },

  // The command line makes such changes at once, since it can write to the database.
  listChanges: null,
  confirmChange: null,
  stopChange: null,

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
  "admin unlock": "an administrator who could lift the limits could guess a colleague's password",
  alerts: "alerts are the concern of the installation's operator, who has its configuration",
  "alerts test": "sends through the channels that are configured where it runs",
  "alerts retry": "alerts are the concern of the installation's operator, who has its configuration",
  verify: "reads every row, which takes longer than a request may",
};

const read = (file: string) => readFileSync(new URL(file, import.meta.url), "utf8");

/** The names that a source file imports from the packages below the apps. */
function importsOf(source: string): string[] {
  return [...source.matchAll(/^import \{([^}]*)\} from "@cpa-payouts\/(?:access|core|db|pipeline)";$/gm)].flatMap(
    ([, names = ""]) => names.split(",").map((name) => name.trim()),
  );
}

/** The source of every command. A subcommand is added to the variable that holds its command, which has the same name. */
function sourcesOfCommands(): Map<string, string> {
  const table = read("../src/command-table.ts");
  const commands = table.matchAll(/(\w+)\s*\.command\("([\w-]+)"\)(?:(?!\.command).)*?"(\.\/commands\/[\w-]+\.ts)"/gs);
  return new Map(
    [...commands].map(([, parent, name = "", file]) => [
      parent === "program" ? name : `${parent} ${name}`,
      read(`../src/${file}`),
    ]),
  );
}

/** The source of the file with the handlers of each group of operations. */
function sourcesOfHandlers(): Map<string, string> {
  const folder = "../../api/src/operations";
  const files = readdirSync(new URL(folder, import.meta.url)).map((file) => read(`${folder}/${file}`));
  return new Map(files.map((source) => [/: Handlers<"(\w+)">/.exec(source)?.[1] ?? "", source]));
}

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
  const named = Object.values(twins).flatMap((twin) => (twin ? [twin.command] : []));

  it("the table of twins holds exactly the operations of the API", () => {
    expect(Object.keys(twins).sort()).toEqual(Object.keys(operations).sort());
  });

  it("every twin of an operation is a command of payouts", () => {
    expect(named.filter((name) => !commands.includes(name))).toEqual([]);
  });

  it("every twin of an operation shares a function of a package with it, or has a reason not to", () => {
    const ofCommands = sourcesOfCommands();
    const ofHandlers = sourcesOfHandlers();
    for (const [group, operationsOfGroup] of Object.entries(operationGroups))
      for (const name of Object.keys(operationsOfGroup)) {
        const twin = twins[name as OperationName];
        if (!twin) continue;
        const { command, shares, differs } = twin;
        if (shares === null) expect(differs, name).toBeDefined();
        else {
          expect(importsOf(ofCommands.get(command) ?? ""), `payouts ${command}`).toContain(shares);
          expect(importsOf(ofHandlers.get(group) ?? ""), name).toContain(shares);
        }
      }
  });

  it("every command is the twin of an operation or has a reason to have none, never both", () => {
    expect([...new Set(named), ...Object.keys(withoutTwin)].sort()).toEqual(commands);
  });
});
