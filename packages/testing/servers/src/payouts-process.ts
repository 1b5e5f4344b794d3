import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { killAtEnd } from "./leftovers.ts";
import { repositoryRoot } from "./servers.ts";

/** The launcher that `npx payouts` runs. */
const launcher = path.join(repositoryRoot, "apps", "cli", "bin", "payouts.mjs");

/** A `payouts` command, or another program of the tests, in a process of its own. */
export interface PayoutsProcess {
  readonly child: ChildProcess;
  /** Everything written so far. */
  stdout(): string;
  stderr(): string;
  /** Waits until a text appears on stderr, where messages and, by default, log lines go. */
  untilSays(text: string): Promise<void>;
  /** Sends a signal, SIGTERM by default, and waits for the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Waits for the exit code without sending a signal. */
  ended(): Promise<number | null>;
}

/** Starts a command line in a process of its own. */
export function startPayouts(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  program: readonly string[] = [launcher],
): PayoutsProcess {
  const { PATH = "", HOME = "", TMPDIR = "/tmp" } = process.env;
  const child = spawn(process.execPath, [...program, ...args], {
    // Any free port for the API: tests run beside each other.
    env: { PATH, HOME, TMPDIR, API_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  killAtEnd(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  const exit = once(child, "close").then(([code]) => code as number | null);
  return {
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    untilSays: async (text) => {
      while (!output.stderr.includes(text)) {
        const event = await Promise.race([once(child.stderr, "data").then(() => "data"), exit.then(() => "exit")]);
        if (event === "exit" && !output.stderr.includes(text))
          throw new Error(`payouts ${args.join(" ")} ended before it said "${text}": ${output.stderr}`);
      }
    },
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return exit;
    },
    ended: () => exit,
  };
}

/** Runs a command line in a process of its own to its end. */
export async function runPayouts(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const command = startPayouts(args, env);
  const code = await command.ended();
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}
