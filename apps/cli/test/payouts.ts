import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { migrationsFolder } from "@cpa-payouts/testing";
import { runProgram } from "../src/program.ts";

/** The launcher that `npx payouts` runs. */
const launcher = fileURLToPath(new URL("../bin/payouts.mjs", import.meta.url));

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Env = Readonly<Record<string, string>>;

/** Runs a command line in this process, which saves the half second that a new process takes to start. */
export async function payouts(args: readonly string[], env: Env): Promise<CommandResult> {
  const stdout = collector();
  const stderr = collector();
  const code = await runProgram(args, {
    env,
    stdout,
    stderr,
    migrationsFolder,
    assetsFolder: null,
    isInteractive: false,
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

/** Runs a command line with `--json` and parses its output. Throws when it does not exit with 0. */
export async function payoutsJson<T>(args: readonly string[], env: Env): Promise<T> {
  const { code, stdout, stderr } = await payouts([...args, "--json"], env);
  if (code !== 0) throw new Error(`payouts ${args.join(" ")} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

function collector() {
  const chunks: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => {
      chunks.push(chunk.toString());
      done();
    },
  });
  return Object.assign(stream, { text: () => chunks.join("") });
}

export interface PayoutsProcess {
  readonly child: ChildProcess;
  /** Everything written so far. */
  stdout(): string;
  stderr(): string;
  /** Waits until a text appears on stderr, which has the messages for people and, by default, the log. */
  untilSays(text: string): Promise<void>;
  /**
   * Sends a signal (default SIGTERM) and waits for the end. Returns the exit code; null when the signal killed the
   * process.
   */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Waits until the process ends without a signal. Returns the exit code. */
  ended(): Promise<number | null>;
}

/** Starts a command line in a process of its own. */
export function startPayouts(
  args: readonly string[],
  env: Env,
  program: readonly string[] = [launcher],
): PayoutsProcess {
  const child = spawn(process.execPath, [...program, ...args], {
    // Any free port for the API, because tests run at the same time.
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", API_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  // A test that fails or times out must not leave its processes running.
  const kill = () => child.kill("SIGKILL");
  // A listener per process is no leak.
  process.setMaxListeners(50);
  process.once("exit", kill);
  const exit = once(child, "close").then(([code]) => {
    process.off("exit", kill);
    return code as number | null;
  });
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
