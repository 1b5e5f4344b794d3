import type { LogLevel } from "@cpa-payouts/core";
import type { Cli } from "./cli.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Format } from "./output.ts";

/** The implementation of a command. It returns the exit code; undefined means done. */
type Action<Args extends readonly unknown[]> = (cli: Cli, ...args: Args) => Promise<ExitCode | undefined>;

/** Makes an action, which is loaded when its command is called, the handler that commander calls with (arguments..., options, command). */
export type BindAction = <Args extends readonly unknown[]>(
  load: () => Promise<Action<Args>>,
  settings?: { readonly logLevel?: LogLevel; readonly formats?: readonly Format[] },
) => (...called: unknown[]) => Promise<void>;
