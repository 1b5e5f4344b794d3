import { execFile } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { EmbeddedPostgresError, errorCode, unless } from "./errors.ts";

const run = promisify(execFile);
const POLL_MS = 20;
const TOOL_TIMEOUT_MS = 10_000;

/** The start time when it cannot be determined; it equals every other one. */
const UNKNOWN = "0";
/** In place of a start time: the process has ended, but its parent has not collected its exit status. */
const ZOMBIE = "zombie";

/** Identifies a process permanently: process ids are reused, but not with the same start time. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque digits, comparable only with those of another process on the same machine. */
  readonly startedAt: string;
}

/** The process that has this id now, or undefined if there is none (a zombie counts as none). */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const startedAt = await startTimeOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Whether this process still runs; a later process with the same id does not count. */
export async function isRunning(process: ProcessIdentity): Promise<boolean> {
  const now = await identify(process.pid);
  if (now === undefined) return false;
  return now.startedAt === process.startedAt || now.startedAt === UNKNOWN || process.startedAt === UNKNOWN;
}

/** Whether any process has this id, including a zombie: PostgreSQL's own test of postmaster.pid. */
export function isIdTaken(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/** Waits at most `timeoutMs` milliseconds for the end of a process; returns whether it ended. */
export async function waitUntilGone(process: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (await isRunning(process)) {
    if (Date.now() >= deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** The folder a process works in, or undefined if it cannot be seen; Linux only. */
export async function workingFolderOf(pid: number): Promise<string | undefined> {
  return unless(["ENOENT", "ESRCH", "EACCES"], () => readlink(`/proc/${pid}/cwd`));
}

/** The command line of a process, or undefined if it cannot be seen. */
export async function commandOf(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") {
    const line = await unless(["ENOENT", "ESRCH", "EACCES"], () => readFile(`/proc/${pid}/cmdline`, "utf8"));
    return line?.replaceAll("\0", " ").trim();
  }
  if (process.platform === "win32") {
    return output("powershell", [
      "-NoProfile",
      "-Command",
      `(Get-CimInstance Win32_Process -Filter "ProcessId=${pid}").CommandLine`,
    ]);
  }
  return output("ps", ["-ww", "-o", "command=", "-p", String(pid)]);
}

/**
 * The environment of programs started here: the user's locale, time zone, PG* and LD_* variables must affect neither a new
 * database nor the output that is parsed. On Windows undefined, which means the environment of this process: programs need
 * its variables to run.
 */
export function plainEnvironment(): NodeJS.ProcessEnv | undefined {
  if (process.platform === "win32") return undefined;
  return { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", TZ: "UTC" };
}

/**
 * Sends a signal; a process that has already ended is not an error.
 * @throws EmbeddedPostgresError when the process belongs to another user
 */
export function signal(pid: number, name: "SIGINT" | "SIGQUIT" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errorCode(error) === "ESRCH") return;
    throw new EmbeddedPostgresError(
      `The database server (process ${pid}) belongs to another user: run as that user or as root`,
      { cause: error },
    );
  }
}

async function startTimeOf(pid: number): Promise<string | undefined> {
  const startedAt = await lookUpStartTime(pid);
  // A zombie counts as ended. Its parent may never collect it, for instance the first process of a container.
  return startedAt === ZOMBIE ? undefined : startedAt;
}

async function lookUpStartTime(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") return (await linuxStartTime(pid)) ?? hiddenProcess(pid);
  if (process.platform === "win32") return hiddenProcess(pid);
  const line = await output("ps", ["-o", "state=,lstart=", "-p", String(pid)]);
  const [, state, started] = /^(\S+)\s+(.+)$/.exec(line ?? "") ?? [];
  if (state === undefined || started === undefined) return undefined;
  return state.startsWith("Z") ? ZOMBIE : String(Date.parse(`${started} UTC`) / 1000 || UNKNOWN);
}

async function linuxStartTime(pid: number): Promise<string | undefined> {
  const stat = await unless(["ENOENT", "ESRCH", "EACCES"], () => readFile(`/proc/${pid}/stat`, "utf8"));
  if (stat === undefined) return undefined;
  // The program's name is in parentheses and may itself contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? ZOMBIE : fields[19];
}

/** Where /proc hides the processes of other users, and on Windows, only a signal shows whether a process exists. */
function hiddenProcess(pid: number): string | undefined {
  return isIdTaken(pid) ? UNKNOWN : undefined;
}

/** The output of a system tool, or undefined when it fails: `ps` exits with 1 when there is no such process. */
async function output(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(command, args, { env: plainEnvironment(), timeout: TOOL_TIMEOUT_MS });
    return stdout.trim() || undefined;
  } catch {
    // No such process, or no such tool: in both cases nothing is known about the process.
    return undefined;
  }
}
