import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { killAtEnd } from "./leftovers.ts";
import { repositoryRoot } from "./servers.ts";
import { type StallWatch, stallWatch, watched } from "./stall.ts";

/** The launcher that `npx payouts` runs. */
const launcher = path.join(repositoryRoot, "apps", "cli", "bin", "payouts.mjs");

/** How much of the end of its output the error for a process that stands still has. */
const SHOWN_CHARACTERS = 1_000;

/**
 * A `payouts` command, or another program of the tests, in a process of its own. Each wait fails when the process has
 * written nothing for as long as the `stallWatch` allows.
 */
export interface PayoutsProcess {
  readonly child: ChildProcess;
  /** Everything written so far. */
  stdout(): string;
  stderr(): string;
  /** Waits until a text appears on stderr, where messages and, by default, log lines go. */
  untilSays(text: string): Promise<void>;
  /** Sends a signal, SIGTERM by default, and waits for the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /**
   * Waits for the exit code without sending a signal.
   *
   * @param moves for a process that works in silence: returns a value that changes while it makes progress
   */
  ended(moves?: Moves): Promise<number | null>;
}

type Moves = () => Promise<string | number>;

/** Starts a command line in a process of its own. */
export function startPayouts(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  program: readonly string[] = [launcher],
  startWatch: (what: string) => StallWatch = stallWatch,
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
  const command = `payouts ${args.join(" ")}`;
  const during = <T>(what: string, wait: () => Promise<T>, moves?: Moves) => {
    const progress = async () => `${describeOutput(output)}${moves ? `; ${await moves()}` : ""}`;
    return watched("", progress, wait, startWatch(`${command}, which is to ${what}`));
  };
  return {
    child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    untilSays: (text) =>
      during(`say "${text}"`, async () => {
        while (!output.stderr.includes(text)) {
          const event = await Promise.race([once(child.stderr, "data").then(() => "data"), exit.then(() => "exit")]);
          if (event === "exit" && !output.stderr.includes(text))
            throw new Error(`${command} ended before it said "${text}": ${output.stderr}`);
        }
      }),
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return during(`end after ${signal}`, () => exit);
    },
    ended: (moves) => during("end", () => exit, moves),
  };
}

/** Differs whenever the process has written something. */
function describeOutput({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  const end = (text: string) => text.slice(-SHOWN_CHARACTERS).trimEnd();
  const texts = `stdout ends with "${end(stdout)}", stderr with "${end(stderr)}"`;
  return `${stdout.length + stderr.length} characters of output; ${texts}`;
}

/**
 * Runs a command line in a process of its own to its end.
 *
 * @param moves see {@link PayoutsProcess.ended}
 */
export async function runPayouts(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  moves?: Moves,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const command = startPayouts(args, env);
  const code = await command.ended(moves);
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}
