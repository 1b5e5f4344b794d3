import { userInfo } from "node:os";
import type { Writable } from "node:stream";
import { InputError, type LogLevel, logLevels } from "@cpa-payouts/core";
import type { Telemetry } from "@cpa-payouts/jobs";
import type { Clock } from "@cpa-payouts/pipeline";
import { type Config, createLogger, type Logger, readConfig } from "@cpa-payouts/runtime";
import { readChoice } from "./choices.ts";
import { formats as allFormats, createOutput, type Format, type Output, objectFormats } from "./output.ts";
import { createProgress, type Progress } from "./progress.ts";
import { readSecretFiles } from "./secrets.ts";

/** The parts of its process that a command line uses; tests pass replacements. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Writable;
  readonly stderr: Writable & { isTTY?: boolean };
  /** The folder of Drizzle's migrations. */
  readonly migrationsFolder: string;
  /** Where the pages of the API's libraries are; null for those in node_modules. */
  readonly assetsFolder: string | null;
  /** Whether stdin and stdout are a terminal, so that a person can be asked. */
  readonly isInteractive: boolean;
}

/** The options that every command takes, as commander passes them. */
export interface GlobalOptions {
  readonly format?: string;
  readonly json?: boolean;
  readonly raw?: boolean;
  readonly now?: string;
  readonly dataDir?: string;
  readonly logLevel?: string;
  readonly actor?: string;
}

/** The dependencies of a command. */
export interface Cli {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly output: Output;
  readonly progress: Progress;
  /** The person or program that runs the command, for ledger and audit log. */
  readonly actor: string;
  /** The folder of the embedded database; null for the default one. */
  readonly dataDir: string | null;
  readonly migrationsFolder: string;
  readonly assetsFolder: string | null;
  /** The environment, with secrets read from their files. */
  readonly env: Surroundings["env"];
  readonly isInteractive: boolean;
  /** Sends traces, in commands that work on the queue; see `withTracing`. */
  readonly telemetry?: Telemetry | undefined;
  /** Writes a line for people to stderr; data goes to `output`. */
  say(line: string): void;
}

/**
 * Reads the global options and the environment.
 *
 * @param command.logLevel the default log level; the options and the environment override it
 * @param command.formats the formats that the command supports
 * @throws InputError that names every problem of the environment, or the first wrong option
 */
export function openCli(
  surroundings: Surroundings,
  options: GlobalOptions,
  command: { logLevel?: LogLevel; formats?: readonly Format[] },
): Cli {
  const { logLevel = "warn", formats = objectFormats } = command;
  const { stdout, stderr, migrationsFolder, assetsFolder } = surroundings;
  const env = readSecretFiles(surroundings.env);
  const config = readConfig(env, new Date());
  const level = readChoice("--log-level", options.logLevel, logLevels) ?? config.logLevel ?? logLevel;
  const format = options.json ? "json" : (readChoice("--format", options.format, allFormats) ?? "table");
  if (!formats.includes(format))
    throw new InputError(`--format ${format} is not for this command; it knows ${formats.join(", ")}`);
  if (options.raw && format !== "csv")
    throw new InputError("--raw goes with --format csv; other formats are always raw");
  return {
    config,
    clock: readClock(options.now, config.isProduction),
    log: createLogger({ level, file: config.logFile, isTerminal: stderr.isTTY === true }),
    output: createOutput(stdout, format, { isRaw: options.raw === true }),
    progress: createProgress(stderr),
    actor: options.actor ?? env.PAYOUTS_ACTOR ?? `cli:${userName()}`,
    dataDir: options.dataDir ?? null,
    migrationsFolder,
    assetsFolder,
    env,
    isInteractive: surroundings.isInteractive,
    say: (line) => {
      stderr.write(`${line}\n`);
    },
  };
}

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/** A simulated clock starts at the given instant and runs at the real pace. */
function readClock(now: string | undefined, isProduction: boolean): Clock {
  if (now === undefined) return () => new Date();
  if (isProduction) throw new InputError("--now simulates the time and is refused with NODE_ENV=production");
  const start = new Date(now).getTime();
  if (!INSTANT.test(now) || Number.isNaN(start))
    throw new InputError(`--now: "${now}" is not an instant; write 2026-12-07T02:00:00Z`);
  const begun = performance.now();
  return () => new Date(start + (performance.now() - begun));
}

function userName(): string {
  try {
    return userInfo().username;
  } catch (cause) {
    // In a container the uid may have no name.
    if ((cause as NodeJS.ErrnoException).code === "ERR_SYSTEM_ERROR") return String(process.getuid?.() ?? "unknown");
    throw cause;
  }
}
