import { spawn } from "node:child_process";
import { basename, parse } from "node:path";
import { EmbeddedPostgresError, errorCode } from "./errors.ts";
import { plainEnvironment } from "./processes.ts";
import type { SystemUser } from "./system-user.ts";

interface Run {
  /** Undefined: as ourselves. */
  readonly user: SystemUser | undefined;
  /** What the program reads; default: nothing. */
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
 * Runs a PostgreSQL program to its end; what it prints is returned, not shown.
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
  // A program that ends before it has read its input is judged by how it ended.
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

/** In no folder that somebody may want to unmount or that another user cannot enter. */
export function surroundings(program: string): {
  cwd: string;
  env: NodeJS.ProcessEnv | undefined;
  windowsHide: boolean;
} {
  return { cwd: parse(program).root, env: plainEnvironment(), windowsHide: true };
}

/** Node throws some refusals of the system (EPERM, EINVAL) and reports the others (ENOENT, EACCES) as an event. */
export function orCannotRun<T>(program: string, start: () => T): T {
  try {
    return start();
  } catch (error) {
    throw error instanceof Error ? cannotRun(program, error) : error;
  }
}

/** The line for a PostgreSQL program that the system refuses to run. */
export function cannotRun(program: string, error: Error): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `PostgreSQL cannot be run here, ${program}: ${error.message}${likelyCause(error)}: set DATABASE_URL to a server of your own`,
    { cause: error },
  );
}

function likelyCause(error: Error): string {
  switch (errorCode(error)) {
    case "ENOENT":
      // The file is there, so what is missing is the program loader it names: that of the GNU C library.
      return " (the embedded PostgreSQL needs the GNU C library, which Alpine and other musl systems do not have)";
    case "EPERM":
    case "EINVAL":
      return " (PostgreSQL refuses to run as root, and this root may not become another user: run as a normal user)";
    default:
      return "";
  }
}

/** The line of a program's output that says what went wrong: the first error, which led to the others, else the last line. */
export function errorLine(output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const errors = lines.filter((text) => /\b(FATAL|PANIC|ERROR|error):/.test(text));
  // What the server says to clients that come too early is no reason.
  const line = errors.find((text) => !text.includes("the database system is ")) ?? lines.at(-1) ?? "no reason given";
  return line.replace(/^.*?\b(FATAL|PANIC|ERROR|error):\s+/, "").replace(/\.$/, "");
}
