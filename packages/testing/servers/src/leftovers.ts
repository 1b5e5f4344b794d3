import type { ChildProcess } from "node:child_process";
import { readdir, readFile, readlink, rm } from "node:fs/promises";
import path from "node:path";

const children = new Set<ChildProcess>();

/** Makes {@link killLeftovers} kill a process if the test does not end it, for instance because the test fails. */
export function killAtEnd(child: ChildProcess): void {
  children.add(child);
  child.once("exit", () => children.delete(child));
}

/** Kills the processes that the tests of a file left running. */
export function killLeftovers(): void {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
}

/** A process of a run of the tests, with its command line. */
export interface FolderUser {
  readonly pid: number;
  readonly command: string;
}

/**
 * The servers that tests start, by the names of their processes. They replace their command line and environment with their
 * state, so that only their working directory names the folder.
 */
const SERVERS = ["postgres", "redis-server", "valkey-server", "pgbouncer"];

/**
 * Finds the processes that belong to the run of a folder, this process excepted: those whose TMPDIR is in it, which every
 * process inherits from the tests, and the servers whose command line or working directory names it. It also finds the
 * children of a process that a test started, such as the database server behind a killed `payouts up`. A shell, an editor or a
 * pager in the folder belongs to a person. Linux only: without /proc it finds none.
 */
export async function usersOf(folder: string): Promise<FolderUser[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.filter((pid) => pid !== process.pid).map((pid) => userOf(pid, folder)));
  return found.filter((user) => user !== null);
}

async function userOf(pid: number, folder: string): Promise<FolderUser | null> {
  const [command, environment, name, cwd] = await Promise.all([
    readUnlessGone(readFile(`/proc/${pid}/cmdline`, "utf8")),
    readUnlessGone(readFile(`/proc/${pid}/environ`, "utf8")),
    readUnlessGone(readFile(`/proc/${pid}/comm`, "utf8")),
    readUnlessGone(readlink(`/proc/${pid}/cwd`)),
  ]);
  const inFolder = `${folder}${path.sep}`;
  const inherits = environment.split("\0").some((variable) => variable.startsWith(`TMPDIR=${inFolder}`));
  const serves = SERVERS.includes(name.trim()) && [command, `${cwd}/`].some((text) => text.includes(inFolder));
  // A zombie has no command line any more.
  return (inherits || serves) && command !== "" ? { pid, command: command.replaceAll("\0", " ").trim() } : null;
}

/** Processes end while they are looked at, and those of other users keep their environment to themselves. */
async function readUnlessGone(reading: Promise<string>): Promise<string> {
  return reading.catch((cause: NodeJS.ErrnoException) => {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(cause.code ?? "")) return "";
    throw cause;
  });
}

/**
 * Kills every process that belongs to the run of a folder, and removes the folder.
 *
 * @returns the processes that were killed
 */
export async function sweep(folder: string): Promise<FolderUser[]> {
  const killed: FolderUser[] = [];
  // Processes may start others while they are killed, so the folder is searched until none is left.
  for (let users = await usersOf(folder); users.length > 0; users = await usersOf(folder)) {
    for (const { pid } of users) killUnlessGone(pid);
    killed.push(...users.filter(({ pid }) => !killed.some((one) => one.pid === pid)));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  return killed;
}

function killUnlessGone(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
  }
}
