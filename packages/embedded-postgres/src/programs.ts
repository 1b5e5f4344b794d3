import { spawn } from "node:child_process";
import { basename, parse } from "node:path";
import { EmbeddedPostgresError, errorCode } from "./errors.ts";
import { plainEnvironment } from "./processes.ts";
import type { SystemUser } from "./system-user.ts";

interface Run {
  /** Undefined: the user of this process. */
  readonly user: SystemUser | undefined;
  /** Standard input of the program; default: empty. */
  readonly input?: string;
  readonly timeoutMs: number;
}

/** How a program ended; `output` is never empty when it failed. */
export interface Result {
  readonly ok: boolean;
  readonly output: string;
}

const OUTPUT_LIMIT = 100_000;

/**
 * Runs a PostgreSQL program to its end, or kills it after `timeoutMs` milliseconds. Its output is returned, not shown.
 * @throws EmbeddedPostgresError when the system refuses to run it
 */
export async function runProgram(
  program: string,
  args: string[],
  { user, input = "", timeoutMs }: Run,
): Promise<Result> {
  const limits = { timeout: timeoutMs, killSignal: "SIGKILL" } as const;
  const child = orCannotRun(program, () => spawn(program, args, { ...surroundings(program), ...limits, ...user }));
  let output = "";
  const collect = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-OUTPUT_LIMIT);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  // A program may end before it has read its input: its exit code decides.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(cannotRun(program, error)));
    child.on("close", (code, signal) => {
      if (signal || (code !== 0 && output.trim() === ""))
        output += `\n${basename(program)} ended with ${signal ?? code}`;
      resolve({ ok: code === 0, output });
    });
  });
}

/**
 * Spawn options: a plain environment, and the root folder as working directory, which every user can enter and which blocks
 * no unmount.
 */
export function surroundings(program: string): {
  cwd: string;
  env: NodeJS.ProcessEnv | undefined;
  windowsHide: boolean;
} {
  return { cwd: parse(program).root, env: plainEnvironment(), windowsHide: true };
}

/**
 * Runs `start` and converts what it throws into the error of {@link cannotRun}. Node throws some refusals of the system
 * (EPERM, EINVAL) and reports the others (ENOENT, EACCES) as an event.
 */
export function orCannotRun<T>(program: string, start: () => T): T {
  try {
    return start();
  } catch (error) {
    throw error instanceof Error ? cannotRun(program, error) : error;
  }
}

/** The error for a PostgreSQL program that the system refuses to run. */
export function cannotRun(program: string, error: Error): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `PostgreSQL cannot be run here, ${program}: ${error.message}${likelyCause(error)}: set DATABASE_URL to a server of your own`,
    { cause: error },
  );
}

function likelyCause(error: Error): string {
  switch (errorCode(error)) {
    case "ENOENT":
      // The file exists; the program loader that it names, that of the GNU C library, is missing.
      return " (the embedded PostgreSQL needs the GNU C library, which Alpine and other musl systems do not have)";
    case "EPERM":
    case "EINVAL":
      return " (PostgreSQL refuses to run as root, and this root may not become another user: run as a normal user)";
    default:
      return "";
  }
}

/** The reason in a program's output: the first error, which caused the later ones, else the last line. */
export function errorLine(output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const errors = lines.filter((text) => /\b(FATAL|PANIC|ERROR|error):/.test(text));
  // Replies to clients that connect too early ("the database system is starting up") are not the reason.
  const line = errors.find((text) => !text.includes("the database system is ")) ?? lines.at(-1) ?? "no reason given";
  return line.replace(/^.*?\b(FATAL|PANIC|ERROR|error):\s+/, "").replace(/\.$/, "");
}
