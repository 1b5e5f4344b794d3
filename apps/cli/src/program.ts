import { InputError, logLevels, OperationError } from "@cpa-payouts/core";
import { Command, CommanderError } from "commander";
import type { BindAction } from "./action.ts";
import { listChoices } from "./choices.ts";
import type { GlobalOptions, Surroundings } from "./cli.ts";
import { addCommands } from "./command-table.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { formats } from "./output.ts";

/**
 * Runs one command line.
 *
 * @returns the exit code; every error has been reported on stderr by then
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

async function report(cause: unknown, { stderr }: Surroundings): Promise<ExitCode> {
  // Commander has printed its own message. It also throws after printing help, which is no error.
  if (cause instanceof CommanderError) return cause.exitCode === 0 ? exitCodes.done : exitCodes.badInput;
  // The reader of stdout has closed the pipe, as `head` does.
  if (cause instanceof Error && "code" in cause && cause.code === "EPIPE") return exitCodes.done;
  if (cause instanceof InputError) {
    if (cause.problems.length > 1) for (const problem of cause.problems) stderr.write(`  ${problem}\n`);
    stderr.write(
      `error: ${cause.problems.length > 1 ? `${cause.problems.length} problems, see above` : cause.message}\n`,
    );
    return exitCodes.badInput;
  }
  for (const line of await explain(cause)) stderr.write(`error: ${line}\n`);
  return exitCodes.failed;
}

async function explain(cause: unknown): Promise<readonly string[]> {
  if (cause instanceof OperationError) return cause.problems;
  const { describeError, isConnectionError } = await import("@cpa-payouts/db");
  if (isConnectionError(cause))
    return [`the database went away (${describeError(cause)}); run the command again when it is back`];
  return [`${describeError(cause)} (unexpected; the log has more with --log-level debug)`];
}

function buildProgram(surroundings: Surroundings, onExit: (code: ExitCode) => void): Command {
  const program = new Command("payouts")
    .description("Pays the users of an affiliate (CPA) network twice a month, exact to the cent.")
    .option(
      "--format <format>",
      `${listChoices(formats)}, depending on the command; data on stdout, everything else on stderr`,
    )
    .option("--json", "short for --format json")
    .option("--raw", "with --format csv: every text as it is stored, for programs; not for spreadsheets")
    .option("--now <instant>", "simulate the time, such as 2026-12-07T02:00:00Z (not in production)")
    .option("--data-dir <dir>", "folder of the embedded database, used without DATABASE_URL")
    .option("--log-level <level>", listChoices(logLevels))
    .option("--actor <name>", "who makes the change, for the audit log (default: cli:<you>)")
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => surroundings.stdout.write(text),
      writeErr: (text) => surroundings.stderr.write(text),
    })
    .exitOverride();

  const bind: BindAction =
    (load, settings = {}) =>
    async (...called) => {
      const command = called.at(-1) as Command;
      const { openCli } = await import("./cli.ts");
      const cli = openCli(surroundings, command.optsWithGlobals<GlobalOptions>(), settings);
      const action = await load();
      onExit((await action(cli, ...(called.slice(0, -1) as never))) ?? exitCodes.done);
    };
  addCommands(program, bind);
  return program;
}
